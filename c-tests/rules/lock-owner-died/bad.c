/* A worker returns from its critical section by _exit, with the lock that its parent needs, too. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pthread_mutex_t *lock = mmap(NULL, sizeof *lock, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &shared); /* faulty */
    pthread_mutexattr_destroy(&shared);
    if (fork() == 0) {
        pthread_mutex_lock(lock);
        _exit(1);
    }
    wait(NULL);
    if (pthread_mutex_trylock(lock) != 0)
        printf("the lock is held by a process that is gone\n");
    munmap(lock, sizeof *lock);
    return 0;
}
