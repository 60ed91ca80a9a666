/* Sends a message longer than the kernel takes. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

struct mail {
    long type;
    char text[12000];
};

int main(void)
{
    static struct mail mail = {1, "post"};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0)
        return 1;
    if (msgsnd(id, &mail, sizeof mail.text, 0) != 0) /* faulty */
        perror("msgsnd");
    return msgctl(id, IPC_RMID, NULL);
}
