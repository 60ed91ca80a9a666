/* A mailbox with a mutex and a condition. RACY: it is looked into without the mutex first, to save time. */
#include "race.h"

struct shared {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int is_ready;
    volatile long letters, sum;
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        make_lock(&shared->lock);
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        CHECK(pthread_cond_init(&shared->changed, &attributes) == 0);
    }
    await(&shared->is_ready);
    bool is_over = false;
    while (!is_over) {
        if (side == 0) {
            is_over = now() >= end_of_time;
            pthread_mutex_lock(&shared->lock);
            shared->letters = is_over ? -1 : shared->letters + 1; /* race */
            pthread_cond_signal(&shared->changed);
            pthread_mutex_unlock(&shared->lock);
            spend(300);
            continue;
        }
        if (IS_RACY && shared->letters == 0) { /* race */
            spend(30);
            continue;
        }
        pthread_mutex_lock(&shared->lock);
        while (shared->letters == 0)
            pthread_cond_wait(&shared->changed, &shared->lock);
        is_over = shared->letters < 0;
        shared->sum += shared->letters; /* race */
        shared->letters = 0; /* race */
        pthread_mutex_unlock(&shared->lock);
    }
    return finish();
}
