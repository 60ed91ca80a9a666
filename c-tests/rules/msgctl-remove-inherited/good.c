/* The child ends without the parent's exit handlers. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

static int id;

static void tidy(void)
{
    msgctl(id, IPC_RMID, NULL);
}

int main(void)
{
    id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    atexit(tidy);
    pid_t worker = fork();
    if (worker == 0)
        _exit(0);
    return waitpid(worker, NULL, 0) != worker;
}
