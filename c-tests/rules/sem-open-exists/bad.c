/* Two parts of a program make the same semaphore. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *first = sem_open("/mapsan-pool", O_CREAT | O_EXCL, 0600, 4);
    if (first == SEM_FAILED) {
        perror("first");
        return 1;
    }
    sem_t *second = sem_open("/mapsan-pool", O_CREAT | O_EXCL, 0600, 4); /* faulty */
    if (second == SEM_FAILED)
        perror("second");
    sem_close(first);
    return sem_unlink("/mapsan-pool");
}
