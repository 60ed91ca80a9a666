/* Who comes second opens what the first has made. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *first = sem_open("/mapsan-pool", O_CREAT | O_EXCL, 0600, 4);
    sem_t *second = sem_open("/mapsan-pool", 0);
    if (first == SEM_FAILED || second == SEM_FAILED) {
        perror("pool");
        return 1;
    }
    sem_close(second);
    sem_close(first);
    return sem_unlink("/mapsan-pool");
}
