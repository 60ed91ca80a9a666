/* The message has a type. */
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
    return msgctl(id, IPC_RMID, NULL);
}
