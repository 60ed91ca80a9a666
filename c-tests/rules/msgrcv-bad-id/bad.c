/* A program that receives from its queue after it has removed it. */
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
    if (id < 0 || msgctl(id, IPC_RMID, NULL) != 0)
        return 1;
    if (msgrcv(id, &mail, sizeof mail.text, 0, IPC_NOWAIT) < 0) /* faulty */
        perror("msgrcv");
    return 0;
}
