/* R12: prints what a secure-execution program does with a mistake. */
#include <stdio.h>
#include <sys/auxv.h>
#include <sys/mman.h>

int main(void)
{
    printf("secure %lu\n", getauxval(AT_SECURE));
    fflush(stdout);
    mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    puts("went on");
    return 0;
}
