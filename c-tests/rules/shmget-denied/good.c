/* Asks only to read a segment whose mode allows that. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    key_t key = 0x4d53;
    int made = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0644);
    if (made < 0) {
        perror("server");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, 0400);
    if (id < 0)
        perror("client");
    return shmctl(made, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
