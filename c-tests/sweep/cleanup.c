/* The result is compared, and the way out unmaps it all the same. */
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int status = 1;
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */

    if (text == MAP_FAILED) {
        perror("mmap");
        goto out;
    }
    text[0] = 'a';
    puts("done");
    status = 0;
out:
    munmap(text, 4096);
    return status;
}
