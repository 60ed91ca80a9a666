/* sweep: --timeout=2 --persistent */
/* Tries again for ever: when memory is gone for good, it does not end. */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    char *text;

    while ((text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) == MAP_FAILED) /* hang */
        usleep(1000);
    text[0] = 'a';
    puts("done");
    munmap(text, 4096);
    return 0;
}
