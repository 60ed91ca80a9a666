/* A client that is started before the server, which makes the queue. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(0x4d53, 0600); /* faulty */
    if (id < 0)
        perror("client");
    return 0;
}
