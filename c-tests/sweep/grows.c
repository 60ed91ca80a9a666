/* Two buffers that grow: of one the old place is kept until the new one is there. */
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    char *kept = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *lost, *more;

    if (kept == MAP_FAILED)
        return perror("mmap"), 1;
    lost = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (lost == MAP_FAILED)
        return perror("mmap"), 1;
    more = mremap(kept, 4096, 8192, MREMAP_MAYMOVE);
    if (more == MAP_FAILED)
        perror("mremap");
    else
        kept = more;
    kept[0] = 'a';
    lost = mremap(lost, 4096, 8192, MREMAP_MAYMOVE); /* unchecked */
    lost[4096] = 'b';
    puts("done");
    munmap(lost, 8192);
    munmap(kept, more == MAP_FAILED ? 4096 : 8192);
    return 0;
}
