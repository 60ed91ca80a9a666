/* Removes a private segment as soon as it is attached, so that it goes with the last detach; and one that nobody uses. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int private = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600), shared = shmget(0x4d53, 4096, IPC_CREAT | 0600);
    void *memory = shmat(private, NULL, 0);
    if (shared < 0 || memory == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    if (shmctl(private, IPC_RMID, NULL) != 0 || shmdt(memory) != 0)
        perror("private");
    return shmctl(shared, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
