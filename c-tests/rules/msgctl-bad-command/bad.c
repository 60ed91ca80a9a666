/* A command that is a number of something else. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (msgctl(id, 1000, NULL) != 0) /* faulty */
        perror("command");
    return msgctl(id, IPC_RMID, NULL);
}
