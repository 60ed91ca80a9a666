/* mapsan: leaks=0 */
/* Unmaps memory that has been sealed against that (mseal, Linux 6.10). */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

int main(void)
{
    void *table = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (table == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    if (syscall(SYS_mseal, table, 4096, 0) != 0) {
        puts("this kernel has no mseal");
        return 77;
    }
    if (munmap(table, 4096) != 0) /* faulty */
        perror("munmap");
    return EXIT_SUCCESS;
}
