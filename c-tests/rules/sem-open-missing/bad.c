/* Opens a gate by a name that is written with another letter where it is made. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_t *made = sem_open("/mapsan-gate", O_CREAT | O_EXCL, 0600, 1);
    if (made == SEM_FAILED) {
        perror("gate");
        return 1;
    }
    sem_t *gate = sem_open("/mapsan-gait", 0); /* faulty */
    if (gate == SEM_FAILED)
        perror("visitor");
    sem_close(made);
    return sem_unlink("/mapsan-gate");
}
