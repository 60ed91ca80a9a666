/* The parent removes the queue while its child waits for room. */
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
    if (worker == 0) {
        while (msgsnd(id, &mail, sizeof mail.text, IPC_NOWAIT) == 0)
            ;
        if (msgsnd(id, &mail, sizeof mail.text, 0) < 0) /* faulty */
            perror("worker");
        fflush(NULL);
        _exit(0);
    }
    usleep(200000); /* nobody can ask who waits */
    if (worker < 0 || msgctl(id, IPC_RMID, NULL) != 0)
        return 1;
    return waitpid(worker, NULL, 0) != worker;
}
