/* A client attaches to write what the segment's mode lets it read alone. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (getuid() != 0) {
        puts("a segment of another user takes root");
        return 77;
    }
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    pid_t client = id < 0 ? -1 : fork();
    if (client == 0) {
        if (setresuid(65534, 65534, 65534) != 0)
            return EXIT_FAILURE;
        void *memory = shmat(id, NULL, 0); /* faulty */
        if (memory == (void *)-1)
            perror("shmat");
        return EXIT_SUCCESS;
    }
    if (client < 0 || waitpid(client, NULL, 0) != client) {
        perror("server");
        return EXIT_FAILURE;
    }
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
