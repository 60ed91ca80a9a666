/* The queue is there before it is looked for. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int made = msgget(0x4d53, IPC_CREAT | IPC_EXCL | 0600);
    int id = msgget(0x4d53, 0600);
    if (made < 0 || id < 0) {
        perror("msgget");
        return 1;
    }
    return msgctl(made, IPC_RMID, NULL);
}
