/* Changes what is to change, and leaves the owner as IPC_STAT gave it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    struct msqid_ds state;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgctl(id, IPC_STAT, &state) != 0 || msgctl(id, IPC_SET, &state) != 0) {
        perror("owner");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
