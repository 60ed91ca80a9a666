/* mapsan: enable=portability:disable=shmctl-remove-attached */
/* Marks a segment for removal after the last attach. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *first = shmat(id, NULL, 0);
    void *second = shmat(id, NULL, 0);
    if (first == (void *)-1 || second == (void *)-1 || shmctl(id, IPC_RMID, NULL) != 0) {
        perror("segment");
        return EXIT_FAILURE;
    }
    if (shmdt(second) != 0)
        perror("second");
    return shmdt(first) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
