/* Asks to write a segment that its mode lets its owner read, and nobody write.
 * mapsan-vary: effective uid \d+ */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    key_t key = 0x4d53;
    int made = shmget(key, 4096, IPC_CREAT | IPC_EXCL | 0400);
    pid_t client = made < 0 ? -1 : fork();
    if (client == 0) {
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            return EXIT_FAILURE;
        if (shmget(key, 4096, 0600) < 0) /* faulty */
            perror("client");
        return EXIT_SUCCESS;
    }
    if (client < 0 || waitpid(client, NULL, 0) != client) {
        perror("server");
        return EXIT_FAILURE;
    }
    return shmctl(made, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
