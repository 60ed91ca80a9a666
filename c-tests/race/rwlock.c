/* Readers and writers under a read-write lock. RACY: one of them writes as a reader. */
#include "race.h"
#include <pthread.h>

struct shared {
    pthread_rwlock_t lock;
    volatile int is_ready;
    volatile long first, second;
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        pthread_rwlockattr_t attributes;
        pthread_rwlockattr_init(&attributes);
        pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_rwlock_init(&shared->lock, &attributes);
        __atomic_store_n(&shared->is_ready, 1, __ATOMIC_RELEASE);
    }
    while (!__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE))
        usleep(100);
    for (unsigned turn = 0; goes_on(); turn++) {
        if (turn % 4 == 0) {
            if (IS_RACY)
                pthread_rwlock_rdlock(&shared->lock);
            else
                pthread_rwlock_wrlock(&shared->lock);
            shared->first++; /* race */
            shared->second++; /* race */
        } else {
            pthread_rwlock_rdlock(&shared->lock);
            CHECK(IS_RACY || shared->first == shared->second); /* race */
            if (IS_RACY)
                spend((unsigned)shared->first % 8); /* race */
        }
        pthread_rwlock_unlock(&shared->lock);
    }
    return finish();
}
