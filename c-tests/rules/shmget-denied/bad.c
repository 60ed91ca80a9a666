/* Asks to write a segment that its mode lets its owner read, and nobody write. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void)
{
    key_t key = 0x4d53;
    int made = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0400);
    if (made < 0 || (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)) {
        perror("server");
        return EXIT_FAILURE;
    }
    int id = shmget(key, 4096, 0600); /* faulty */
    if (id < 0)
        perror("client");
    return EXIT_SUCCESS;
}
