/* Has no message to pass. */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (msgsnd(id, NULL, 64, 0) < 0) /* faulty */
        perror("msgsnd");
    return msgctl(id, IPC_RMID, NULL);
}
