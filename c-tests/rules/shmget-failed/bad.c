/* Asks for a segment of 16 TiB of huge pages, and the machine has reserved none. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 1ul << 44, SHM_HUGETLB | IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
