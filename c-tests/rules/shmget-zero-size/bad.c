/* Creates a segment for a list that is still empty. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    size_t entries = 0;
    int id = shmget(IPC_PRIVATE, entries * 64, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
