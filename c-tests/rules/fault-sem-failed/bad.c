/* mapsan: level=error */
/* Waits for a semaphore without looking at what sem_open gave. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *lock = sem_open("/mapsan-no-such-lock", 0);
    sem_wait(lock); /* faulty */
    puts("inside");
    return 0;
}
