/* Asks only to read, which the mode allows. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int made = msgget(0x4d53, IPC_CREAT | IPC_EXCL | 0644);
    if (made < 0 || msgget(0x4d53, 0400) != made) {
        perror("msgget");
        return 1;
    }
    return msgctl(made, IPC_RMID, NULL);
}
