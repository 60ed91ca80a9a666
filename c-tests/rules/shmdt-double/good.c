/* Detaches a segment once, and remembers it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    if (shmdt(memory) != 0)
        perror("done");
    memory = NULL;
    if (memory != NULL && shmdt(memory) != 0)
        perror("way out");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
