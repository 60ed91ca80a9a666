/* A set and a named semaphore whose making is not looked at. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/sem.h>

int main(void)
{
    struct sembuf up = { 0, 1, 0 };
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600); /* unchecked */
    sem_t *semaphore;

    if (semop(id, &up, 1) == -1)
        perror("semop");
    semctl(id, 0, IPC_RMID);
    semaphore = sem_open("/sweep-semaphores", O_CREAT, 0600, 1); /* unchecked */
    sem_unlink("/sweep-semaphores");
    sem_wait(semaphore);
    puts("done");
    sem_close(semaphore);
    return 0;
}
