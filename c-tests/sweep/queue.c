/* A queue whose id is not looked at, beside one whose is; what waits is tried again when it is interrupted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/msg.h>

struct message {
    long type;
    char text[8];
};

static int checked(void)
{
    struct message message = { 1, "hello" };
    int done, id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);

    if (id == -1)
        return perror("msgget"), 1;
    while ((done = msgsnd(id, &message, sizeof message.text, 0)) == -1 && errno == EINTR)
        ;
    while (done == 0 && (done = msgrcv(id, &message, sizeof message.text, 0, 0)) == -1 && errno == EINTR)
        done = 0;
    if (done <= 0)
        perror("a message");
    else
        puts(message.text);
    if (msgctl(id, IPC_RMID, NULL) == -1)
        perror("msgctl");
    return done <= 0;
}

static void hurried(void)
{
    struct message message = { 1, "bye" };
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600); /* unchecked */

    if (msgsnd(id, &message, sizeof message.text, IPC_NOWAIT) == -1)
        perror("msgsnd");
    msgctl(id, IPC_RMID, NULL);
}

int main(void)
{
    int status = checked();

    hurried();
    return status;
}
