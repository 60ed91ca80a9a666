/* Asks for huge pages of 32 MiB, a size that the processor does not have. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#ifndef SHM_HUGE_SHIFT
#define SHM_HUGE_SHIFT 26
#endif

int main(void)
{
    int pages_of_32_mib = 25 << SHM_HUGE_SHIFT; /* the logarithm of the size */
    int id = shmget(IPC_PRIVATE, 1ul << 25, SHM_HUGETLB | pages_of_32_mib | IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
