/* Asks for the state, and gives no room for it. */
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
    if (msgctl(id, IPC_STAT, NULL) != 0) /* faulty */
        perror("state");
    return msgctl(id, IPC_RMID, NULL);
}
