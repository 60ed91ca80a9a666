/* Removes its segment once, and remembers it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("done");
    id = -1;
    if (id >= 0 && shmctl(id, IPC_RMID, NULL) != 0)
        perror("way out");
    return EXIT_SUCCESS;
}
