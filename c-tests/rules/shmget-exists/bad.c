/* Insists on a new segment, and the last run has left its own. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = 0x4d53;
    int left = shmget(key, 4096, IPC_CREAT | 0600);
    if (left < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0600); /* faulty */
    if (id < 0)
        perror("shmget");
    return shmctl(left, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
