/* Its owner may read and write it. */
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
    sem_t *made = sem_open("/mapsan-none", O_CREAT | O_EXCL, 0600, 1);
    if (made == SEM_FAILED || sem_open("/mapsan-none", 0) == SEM_FAILED) {
        perror("sem_open");
        return 1;
    }
    return sem_unlink("/mapsan-none");
}
