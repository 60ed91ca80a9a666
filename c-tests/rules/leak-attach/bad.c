/* Attaches a segment of another process, and leaves it to the kernel to detach it. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (fork() == 0) {
        char *memory = shmat(id, NULL, 0); /* faulty */
        if (memory == (void *)-1)
            _exit(EXIT_FAILURE);
        memory[0] = 1;
        exit(EXIT_SUCCESS);
    }
    int status;
    wait(&status);
    if (shmctl(id, IPC_RMID, NULL) != 0)
        perror("shmctl");
    return status == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
