/* Every result is compared, and every way out puts away what was made. */
#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

static int segment(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    char *text;

    if (id == -1) {
        perror("shmget");
        return -1;
    }
    text = shmat(id, NULL, 0);
    if (shmctl(id, IPC_RMID, NULL) == -1)
        perror("shmctl");
    if (text == (void *)-1) {
        perror("shmat");
        return -1;
    }
    strcpy(text, "segment");
    puts(text);
    return shmdt(text);
}

static int object(void)
{
    int fd = shm_open("/checked", O_RDWR | O_CREAT | O_EXCL, 0600);
    char *text;

    if (fd == -1) {
        perror("shm_open");
        return -1;
    }
    if (shm_unlink("/checked") == -1)
        perror("shm_unlink");
    if (ftruncate(fd, 4096) == -1) {
        perror("ftruncate");
        close(fd);
        return -1;
    }
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (text == MAP_FAILED) {
        perror("mmap");
        return -1;
    }
    strcpy(text, "object");
    puts(text);
    if (msync(text, 4096, MS_SYNC) == -1)
        perror("msync");
    return munmap(text, 4096);
}

static int semaphore(void)
{
    sem_t *semaphore = sem_open("/checked", O_CREAT | O_EXCL, 0600, 1);

    if (semaphore == SEM_FAILED) {
        perror("sem_open");
        return -1;
    }
    if (sem_unlink("/checked") == -1)
        perror("sem_unlink");
    sem_wait(semaphore);
    puts("semaphore");
    return sem_close(semaphore);
}

static int set(void)
{
    struct sembuf up = { 0, 1, 0 };
    int id = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    int done;

    if (id == -1) {
        perror("semget");
        return -1;
    }
    do
        done = semop(id, &up, 1);
    while (done == -1 && errno == EINTR);
    if (done == -1)
        perror("semop");
    if (semctl(id, 0, IPC_RMID) == -1)
        perror("semctl");
    puts("set");
    return done;
}

int main(void)
{
    return segment() == -1 || object() == -1 || semaphore() == -1 || set() == -1;
}
