/* mapsan: disable=ftok-path */
/* Uses the key -1 of an ftok that failed: a segment that every program with this mistake shares. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = ftok("no such file", 'A');
    int id = shmget(key, 4096, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
