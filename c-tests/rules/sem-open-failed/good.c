/* A file that sem_open has made has the name. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *made = sem_open("/mapsan-link", O_CREAT, 0600, 1);
    if (made == SEM_FAILED) {
        perror("sem_open");
        return 1;
    }
    sem_close(made);
    return sem_unlink("/mapsan-link");
}
