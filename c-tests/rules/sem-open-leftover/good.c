/* The parent makes the semaphore anew, and another value is no surprise while it is in use. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static const char name[] = "/mapsan-printer";

int main(void)
{
    sem_unlink(name);
    sem_t *own = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    if (own == SEM_FAILED || sem_wait(own) != 0)
        return 1;
    pid_t other = fork();
    if (other == 0) {
        sem_t *same = sem_open(name, O_CREAT, 0600, 1);
        _exit(same == SEM_FAILED || sem_trywait(same) == 0);
    }
    int status;
    waitpid(other, &status, 0);
    sem_post(own);
    sem_close(own);
    return sem_unlink(name) != 0 || status != 0;
}
