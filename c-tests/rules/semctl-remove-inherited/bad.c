/* A child inherits the parent's exit handler, which removes the parent's set. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

static int id;

static void tidy(void)
{
    semctl(id, 0, IPC_RMID); /* faulty */
}

int main(void)
{
    id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    atexit(tidy);
    pid_t worker = fork();
    if (worker == 0)
        exit(0);
    int ended = waitpid(worker, NULL, 0) == worker;
    _exit(!ended);
}
