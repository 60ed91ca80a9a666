/* The writer holds a lock, the reader does not. */
#include "race.h"
#include <pthread.h>

struct shared {
    pthread_mutex_t lock;
    volatile long first, second;
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
    long sum = 0;
    while (goes_on()) {
        if (side == 0) {
            pthread_mutex_lock(&shared->lock);
            shared->first++; /* race */
            shared->second++; /* race */
            pthread_mutex_unlock(&shared->lock);
            spend(50);
        } else {
            sum += shared->first + shared->second; /* race */
        }
    }
    return finish() + (sum < 0);
}
