/* One at a time by a semaphore: POSIX's in the memory, or System V's (SEMAPHORE=sysv). RACY: two may be in. */
#include "race.h"
#include <semaphore.h>
#include <sys/sem.h>

struct shared {
    sem_t semaphore;
    int set;
    volatile int is_ready;
    volatile long first, second;
};

static void step(struct shared *shared, bool is_sysv, short by)
{
    struct sembuf operation = { 0, by, 0 };
    if (is_sysv)
        CHECK(semop(shared->set, &operation, 1) == 0);
    else if (by < 0)
        CHECK(sem_wait(&shared->semaphore) == 0);
    else
        sem_post(&shared->semaphore);
}

int main(int argc, char **argv)
{
    bool is_sysv = getenv("SEMAPHORE") != NULL;
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        if (is_sysv) {
            shared->set = semget(IPC_PRIVATE, 1, 0600);
            CHECK(shared->set >= 0 && semctl(shared->set, 0, SETVAL, IS_RACY ? 2 : 1) == 0);
        } else {
            sem_init(&shared->semaphore, 1, IS_RACY ? 2 : 1);
        }
        __atomic_store_n(&shared->is_ready, 1, __ATOMIC_RELEASE);
    }
    while (!__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE))
        usleep(100);
    while (goes_on()) {
        step(shared, is_sysv, -1);
        CHECK(IS_RACY || shared->first == shared->second);
        shared->first++; /* race */
        shared->second++; /* race */
        step(shared, is_sysv, 1);
    }
    int status = finish();
    if (is_sysv)
        semctl(shared->set, 0, IPC_RMID);
    return status;
}
