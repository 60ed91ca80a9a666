/* The second run of a program whose first one was killed inside. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static sem_t *lock(void)
{
    return sem_open("/mapsan-printer", O_CREAT, 0600, 1); /* faulty */
}

int main(void)
{
    sem_unlink("/mapsan-printer");
    pid_t first = fork();
    if (first == 0) {
        sem_wait(lock());
        raise(SIGKILL);
    }
    waitpid(first, NULL, 0);
    sem_t *second = lock();
    if (second == SEM_FAILED || sem_trywait(second) == 0)
        return 1;
    puts("the printer is busy");
    sem_close(second);
    return sem_unlink("/mapsan-printer");
}
