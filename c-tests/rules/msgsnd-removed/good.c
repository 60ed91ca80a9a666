/* The queue is removed when nobody waits. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

struct mail {
    long type;
    char text[64];
};

int main(void)
{
    struct mail mail = {1, "post"};
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    pid_t worker = id < 0 ? -1 : fork();
    if (worker == 0)
        _exit(msgrcv(id, &mail, sizeof mail.text, 0, 0) < 0);
    if (worker < 0 || msgsnd(id, &mail, sizeof mail.text, 0) != 0 || waitpid(worker, NULL, 0) != worker)
        return 1;
    return msgctl(id, IPC_RMID, NULL);
}
