/* A set for a computation, which outlives it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600); /* faulty */
    if (id < 0)
        perror("semget");
    return 0;
}
