/* Means "no limit" by -1. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *places = sem_open("/mapsan-places", O_CREAT | O_EXCL, 0600, -1); /* faulty */
    if (places == SEM_FAILED)
        perror("places");
    return 0;
}
