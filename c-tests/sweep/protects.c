/* Memory that is made writable, and advice that may be left untaken. */
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    char *text = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (text == MAP_FAILED)
        return perror("mmap"), 1;
    madvise(text, 8192, MADV_SEQUENTIAL);
    if (mprotect(text, 4096, PROT_READ | PROT_WRITE) == -1)
        return perror("mprotect"), 1;
    text[0] = 'a';
    mprotect(text + 4096, 4096, PROT_READ | PROT_WRITE); /* unchecked */
    text[4096] = 'b';
    puts("done");
    munmap(text, 8192);
    return 0;
}
