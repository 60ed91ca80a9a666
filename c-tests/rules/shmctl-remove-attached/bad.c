/* Removes a segment that others are to find by its key: the next one gets a segment of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(0x4d53, 4096, IPC_CREAT | 0600);
    void *memory = shmat(id, NULL, 0);
    if (memory == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    if (shmctl(id, IPC_RMID, NULL) != 0) /* faulty */
        perror("shmctl");
    return shmdt(memory) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
