/* Gives room for the state. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    struct msqid_ds state;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgctl(id, IPC_STAT, &state) != 0) {
        perror("state");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
