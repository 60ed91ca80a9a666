/* Makes a semaphore with mode 0, which no later open gets through. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 1;
    sem_unlink("/mapsan-none");
    sem_t *made = sem_open("/mapsan-none", O_CREAT | O_EXCL, 0, 1);
    if (made == SEM_FAILED) {
        perror("sem_open");
        return 1;
    }
    if (sem_open("/mapsan-none", 0) == SEM_FAILED) /* faulty */
        perror("again");
    sem_close(made);
    return sem_unlink("/mapsan-none");
}
