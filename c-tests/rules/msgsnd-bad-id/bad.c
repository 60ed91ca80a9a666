/* A program that sends to its queue after it has removed it. */
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
    if (msgsnd(id, &mail, sizeof mail.text, 0) < 0) /* faulty */
        perror("msgsnd");
    return 0;
}
