/* Each process that attaches the segment makes the mutex in it, also while another one holds it. */
#include <pthread.h>
#include <stdio.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t *open_lock(int id)
{
    pthread_mutex_t *lock = shmat(id, NULL, 0);
    pthread_mutexattr_t shared;
    pthread_mutexattr_init(&shared);
    pthread_mutexattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(lock, &shared); /* faulty */
    pthread_mutexattr_destroy(&shared);
    return lock;
}

int main(void)
{
    int id = shmget(0x6d730132, sizeof(pthread_mutex_t), IPC_CREAT | IPC_EXCL | 0600);
    pthread_mutex_t *lock = open_lock(id);
    pthread_mutex_lock(lock);
    if (fork() == 0) {
        pthread_mutex_t *same = open_lock(id);
        if (pthread_mutex_trylock(same) == 0) {
            printf("two are inside\n");
            fflush(stdout);
            pthread_mutex_unlock(same);
        }
        shmdt(same);
        _exit(0);
    }
    wait(NULL);
    shmdt(lock);
    shmctl(id, IPC_RMID, NULL);
    return 0;
}
