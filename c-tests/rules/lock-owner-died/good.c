/* A worker ends in its critical section, and its parent is told so: the mutex is robust. */
#include <errno.h>
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
    pthread_mutexattr_setrobust(&shared, PTHREAD_MUTEX_ROBUST);
    pthread_mutex_init(lock, &shared);
    pthread_mutexattr_destroy(&shared);
    if (fork() == 0) {
        pthread_mutex_lock(lock);
        _exit(1);
    }
    wait(NULL);
    if (pthread_mutex_lock(lock) == EOWNERDEAD) {
        printf("its owner died: repaired\n");
        pthread_mutex_consistent(lock);
    }
    pthread_mutex_unlock(lock);
    pthread_mutex_destroy(lock);
    munmap(lock, sizeof *lock);
    return 0;
}
