/* Its owner removes it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int made = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
    if (made < 0)
        return 1;
    return msgctl(made, IPC_RMID, NULL);
}
