/* Children that end, and nobody's handler for it: what waits goes on waiting, as it does when nobody traces. */
#include "race.h"
#include <sys/epoll.h>
#include <sys/msg.h>
#include <sys/sem.h>

static int end_soon(int after_milliseconds)
{
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        usleep((useconds_t)after_milliseconds * 1000);
        _exit(0);
    }
    return child;
}

int main(void)
{
    int polled = epoll_create1(0);
    int set = semget(IPC_PRIVATE, 1, 0600), queue = msgget(IPC_PRIVATE, 0600);
    CHECK(polled >= 0 && set >= 0 && queue >= 0);
    int failures = 0;
    for (int turn = 0; turn < 3; turn++) {
        end_soon(20);
        struct epoll_event event;
        int got = epoll_wait(polled, &event, 1, 100);
        if (got != 0)
            failures++, printf("epoll_wait: %d, %s\n", got, strerror(errno));
        end_soon(20);
        struct sembuf down = {0, -1, 0};
        struct timespec soon = {0, 100000000};
        got = semtimedop(set, &down, 1, &soon);
        if (got != -1 || errno != EAGAIN)
            failures++, printf("semtimedop: %d, %s\n", got, strerror(errno));
        /* This one sends a message when the other has ended. */
        end_soon(20);
        if (fork() == 0) {
            usleep(60000);
            struct { long type; char text[8]; } message = {1, "here"};
            _exit(msgsnd(queue, &message, 8, 0) != 0);
        }
        struct { long type; char text[8]; } message;
        got = (int)msgrcv(queue, &message, 8, 0, 0);
        if (got != 8)
            failures++, printf("msgrcv: %d, %s\n", got, strerror(errno));
        while (wait(NULL) > 0)
            continue;
    }
    semctl(set, 0, IPC_RMID);
    msgctl(queue, IPC_RMID, NULL);
    return failures == 0 ? 0 : 1;
}
