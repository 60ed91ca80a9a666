/* The process that has made the segment makes the mutex in it; who attaches it later takes it as it is. */
#include <pthread.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *open_lock(int id, int is_new)
{
    pthread_mutex_t *lock = shmat(id, NULL, 0);
    if (is_new) {
        pthread_mutexattr_t shared;
        pthread_mutexattr_init(&shared);
        pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(lock, &shared);
        pthread_mutexattr_destroy(&shared);
    }
    return lock;
}

int main(void)
{
    int id = shmget(0x6d730133, sizeof(pthread_mutex_t), IPC_CREAT | IPC_EXCL | 0600);
    pthread_mutex_t *lock = open_lock(id, 1);
    pthread_mutex_lock(lock);
    if (fork() == 0) {
        pthread_mutex_t *same = open_lock(id, 0);
        if (pthread_mutex_trylock(same) != 0) {
            printf("somebody is inside\n");
            fflush(stdout);
        }
        shmdt(same);
        _exit(0);
    }
    wait(NULL);
    pthread_mutex_unlock(lock);
    shmdt(lock);
    shmctl(id, IPC_RMID, NULL);
    return 0;
}
