/* Makes mistakes, and is linked statically with the library. */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

/* Makes each kind of lock, by the functions that the library stands in for, and uses it by those of libc. */
static int use_locks(void)
{
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    pthread_rwlock_t rwlock;
    pthread_barrier_t barrier;
    pthread_spinlock_t spin;
    sem_t semaphore;
    int status = pthread_mutex_init(&mutex, NULL) | pthread_cond_init(&condition, NULL)
        | pthread_rwlock_init(&rwlock, NULL) | pthread_barrier_init(&barrier, NULL, 1)
        | pthread_spin_init(&spin, PTHREAD_PROCESS_PRIVATE) | sem_init(&semaphore, 0, 1);
    status |= pthread_mutex_lock(&mutex) | pthread_cond_signal(&condition) | pthread_rwlock_wrlock(&rwlock);
    status |= pthread_spin_lock(&spin) | sem_wait(&semaphore);
    status |= pthread_barrier_wait(&barrier) != PTHREAD_BARRIER_SERIAL_THREAD;
    status |= pthread_mutex_unlock(&mutex) | pthread_rwlock_unlock(&rwlock) | pthread_spin_unlock(&spin);
    return status | pthread_mutex_destroy(&mutex) | pthread_cond_destroy(&condition)
        | pthread_rwlock_destroy(&rwlock) | pthread_barrier_destroy(&barrier) | pthread_spin_destroy(&spin)
        | sem_destroy(&semaphore);
}

int main(void)
{
    alarm(60);
    if (use_locks() != 0)
        return 2;
    if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        perror("mmap");
    if (ftok("/no such file", 1) == -1)
        perror("ftok");
    if (shmdt((void *)4096) != 0)
        perror("shmdt");
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED || munmap(page, 4096) != 0 || ftok("/", 1) == -1;
}
