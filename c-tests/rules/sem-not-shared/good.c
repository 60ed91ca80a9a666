/* A semaphore by which a child tells its parent that it is ready, made for both. */
#include <semaphore.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    sem_t *ready = mmap(NULL, sizeof *ready, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    sem_init(ready, 1, 0);
    if (fork() == 0) {
        sem_post(ready);
        _exit(0);
    }
    wait(NULL);
    if (sem_trywait(ready) == 0)
        printf("ready\n");
    sem_destroy(ready);
    munmap(ready, sizeof *ready);
    return 0;
}
