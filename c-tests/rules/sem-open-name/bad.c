/* Takes the path of a lock file for the name of a semaphore. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *lock = sem_open("/run/printer/lock", O_CREAT, 0600, 1); /* faulty */
    if (lock == SEM_FAILED)
        perror("lock");
    return 0;
}
