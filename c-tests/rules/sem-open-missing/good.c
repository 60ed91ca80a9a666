/* Both sides take the name from one place. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

static const char name[] = "/mapsan-gate";

int main(void)
{
    sem_t *made = sem_open(name, O_CREAT | O_EXCL, 0600, 1);
    sem_t *gate = sem_open(name, 0);
    if (made == SEM_FAILED || gate == SEM_FAILED) {
        perror(name);
        return 1;
    }
    sem_close(gate);
    sem_close(made);
    return sem_unlink(name);
}
