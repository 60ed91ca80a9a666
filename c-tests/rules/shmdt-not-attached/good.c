/* Detaches what shmat returned, if it was attached at all. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *memory = shmat(id, NULL, 0);
    if (memory != (void *)-1 && shmdt(memory) != 0)
        perror("shmdt");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
