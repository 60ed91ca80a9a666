/* mapsan: enable=portability:disable=shmctl-remove-attached */
/* Attaches a segment after marking it for removal: only Linux allows that. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *first = shmat(id, NULL, 0);
    if (first == (void *)-1 || shmctl(id, IPC_RMID, NULL) != 0) {
        perror("first");
        return EXIT_FAILURE;
    }
    void *second = shmat(id, NULL, 0); /* faulty */
    if (second == (void *)-1 || shmdt(second) != 0)
        perror("second");
    return shmdt(first) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
