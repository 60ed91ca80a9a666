/* Writes the mode without its leading zero. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *lock = sem_open("/mapsan-lock", O_CREAT | O_EXCL, 600, 1); /* faulty */
    if (lock == SEM_FAILED) {
        perror("lock");
        return 1;
    }
    sem_close(lock);
    return sem_unlink("/mapsan-lock");
}
