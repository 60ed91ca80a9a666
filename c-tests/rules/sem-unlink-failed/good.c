/* What may not be there is removed before it is made. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>

int main(void)
{
    sem_unlink("/mapsan-camera");
    sem_t *made = sem_open("/mapsan-camera", O_CREAT | O_EXCL, 0600, 1);
    if (made == SEM_FAILED) {
        perror("camera");
        return 1;
    }
    sem_close(made);
    return sem_unlink("/mapsan-camera");
}
