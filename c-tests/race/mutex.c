/* Everything under a mutex: plain, or robust (MUTEX=robust). */
#include "race.h"
#include <pthread.h>

struct shared {
    pthread_mutex_t lock;
    volatile int is_ready;
    volatile long first, second;
    char text[64];
};

static void count(struct shared *shared, char *own)
{
    int error = pthread_mutex_lock(&shared->lock);
    CHECK(error == 0);
    shared->first++;
    memcpy(own, shared->text, sizeof shared->text);
    memset(shared->text, (int)(shared->first & 127), sizeof shared->text);
    shared->second++;
    pthread_mutex_unlock(&shared->lock);
    spend(20);
}

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        if (getenv("ROBUST"))
            pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
        pthread_mutex_init(&shared->lock, &attributes);
        __atomic_store_n(&shared->is_ready, 1, __ATOMIC_RELEASE);
    }
    while (!__atomic_load_n(&shared->is_ready, __ATOMIC_ACQUIRE))
        usleep(100);
    char own[64];
    while (goes_on())
        count(shared, own);
    return finish();
}
