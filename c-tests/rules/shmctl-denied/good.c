/* Removes a segment of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    if (id < 0) {
        perror("server");
        return EXIT_FAILURE;
    }
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("shmctl");
    return EXIT_SUCCESS;
}
