/* Detaches by the pointer with which it walked through the segment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char *queue = shmat(id, NULL, 0);
    if (queue == (void *)-1) {
        perror("shmat");
        return EXIT_FAILURE;
    }
    char *base = queue;
    for (int entry = 0; entry < 10; entry++)
        *queue++ = 1;
    if (shmdt(queue) != 0) /* faulty */
        perror("shmdt");
    if (shmdt(base) != 0)
        perror("base");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
