/* A client that is started before the server, which makes the set. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

int main(void)
{
    int id = semget(0x4d53, 1, 0600); /* faulty */
    if (id < 0)
        perror("client");
    return 0;
}
