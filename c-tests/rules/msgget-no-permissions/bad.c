/* Leaves the mode out of the flags. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT); /* faulty */
    if (id < 0) {
        perror("msgget");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
