/* sweep: --each=3 --persistent */
/* The second call of the place is not compared; the first is. */
#include <stdio.h>
#include <sys/mman.h>

static char *map(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */
}

int main(void)
{
    char *pages[2];

    for (int i = 0; i < 2; i++) {
        pages[i] = map();
        if (i == 0 && pages[i] == MAP_FAILED)
            return perror("mmap"), 1;
        pages[i][0] = 'a';
    }
    puts("done");
    for (int i = 0; i < 2; i++)
        munmap(pages[i], 4096);
    return 0;
}
