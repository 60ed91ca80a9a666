/* The mode allows it; that there is nothing to receive is an answer. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

struct mail {
    long type;
    char text[64];
};

int main(void)
{
    struct mail mail = {1, "post"};
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 1;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgrcv(id, &mail, sizeof mail.text, 0, IPC_NOWAIT) >= 0 || errno != ENOMSG)
        return 1;
    if (msgsnd(id, &mail, sizeof mail.text, 0) != 0)
        return 1;
    return msgctl(id, IPC_RMID, NULL);
}
