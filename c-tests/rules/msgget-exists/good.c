/* The key is its own. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(0x4d53, IPC_CREAT | IPC_EXCL | 0600);
    if (id < 0) {
        perror("msgget");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
