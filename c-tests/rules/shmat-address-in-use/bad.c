/* Attaches two segments at one address. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *first = shmat(id, NULL, 0);
    if (first == (void *)-1) {
        perror("first");
        return EXIT_FAILURE;
    }
    void *second = shmat(id, first, 0); /* faulty */
    if (second == (void *)-1)
        perror("second");
    if (shmdt(first) != 0)
        perror("shmdt");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
