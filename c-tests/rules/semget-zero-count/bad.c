/* Makes a set, and says of how many semaphores only later. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(IPC_PRIVATE, 0, IPC_CREAT | 0600); /* faulty */
    if (id < 0)
        perror("semget");
    return 0;
}
