/* Removes each segment when it is done with it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    for (int made = 0; made < 5; made++) {
        int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
        if (id < 0 || shmctl(id, IPC_RMID, NULL) != 0) {
            perror("segment");
            return EXIT_FAILURE;
        }
    }
    return EXIT_SUCCESS;
}
