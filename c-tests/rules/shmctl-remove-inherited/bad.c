/* A child inherits the parent's exit handler, which removes the parent's segment. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static int id;

static void tidy(void)
{
    shmctl(id, IPC_RMID, NULL); /* faulty */
}

int main(void)
{
    id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    atexit(tidy);
    pid_t worker = fork();
    if (worker == 0)
        exit(0);
    int ended = waitpid(worker, NULL, 0) == worker;
    _exit(!ended);
}
