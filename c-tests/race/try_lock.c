/* Who does not get the lock goes on without it. */
#include "race.h"
#include <pthread.h>

struct shared {
    pthread_mutex_t lock;
    volatile long sum;
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        pthread_mutex_init(&shared->lock, &attributes);
    }
    usleep(10000);
    while (goes_on()) {
        int refused = pthread_mutex_trylock(&shared->lock);
        shared->sum += side + 1; /* race */
        spend(30);
        if (!refused)
            pthread_mutex_unlock(&shared->lock);
    }
    return finish();
}
