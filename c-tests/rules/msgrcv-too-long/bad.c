/* Gives room for less than was sent. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

struct mail {
    long type;
    char text[64];
};

int main(void)
{
    struct mail mail = {1, "post"};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgsnd(id, &mail, sizeof mail.text, 0) != 0)
        return 1;
    if (msgrcv(id, &mail, 16, 0, 0) < 0) /* faulty */
        perror("msgrcv");
    return msgctl(id, IPC_RMID, NULL);
}
