/* The largest value there is. */
#include <limits.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *places = sem_open("/mapsan-places", O_CREAT | O_EXCL, 0600, SEM_VALUE_MAX);
    sem_t local;
    if (places == SEM_FAILED || sem_init(&local, 0, 0) != 0) {
        perror("places");
        return 1;
    }
    sem_destroy(&local);
    sem_close(places);
    return sem_unlink("/mapsan-places");
}
