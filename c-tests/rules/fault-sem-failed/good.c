/* mapsan: level=error */
/* Ends with a message if there is no semaphore. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *lock = sem_open("/mapsan-no-such-lock", 0);
    if (lock == SEM_FAILED) {
        puts("start the server first");
        return 0;
    }
    return sem_wait(lock);
}
