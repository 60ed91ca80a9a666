/* A name has one slash, at its beginning. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *lock = sem_open("/printer-lock", O_CREAT, 0600, 1);
    if (lock == SEM_FAILED) {
        perror("lock");
        return 1;
    }
    sem_close(lock);
    return sem_unlink("/printer-lock");
}
