/* A symbolic link has the name of the semaphore. */
#include <fcntl.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

int main(void)
{
    unlink("/dev/shm/sem.mapsan-link");
    if (symlink("/tmp", "/dev/shm/sem.mapsan-link") != 0)
        return 1;
    if (sem_open("/mapsan-link", 0) == SEM_FAILED) /* faulty */
        perror("sem_open");
    return unlink("/dev/shm/sem.mapsan-link");
}
