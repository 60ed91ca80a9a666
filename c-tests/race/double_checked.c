/* Initialised by whoever comes first: looked at without the lock, and once more with it. RACY: what is looked at is no atomic, and who
   finds it set goes on with the value. */
#include "race.h"

#define ENTRIES 256

struct shared {
    pthread_mutex_t lock;
    int is_ready;
    int is_made[ENTRIES];
    volatile long values[ENTRIES];
};

static int load(int *word)
{
#ifdef RACY
    return *(volatile int *)word; /* race */
#else
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
#endif
}

static void store(int *word, int value)
{
#ifdef RACY
    *(volatile int *)word = value; /* race */
#else
#define STORE(word, value) __atomic_store_n(word, value, __ATOMIC_RELEASE)
    STORE(word, value);
#endif
}

static long get(struct shared *shared, int i)
{
    if (!load(&shared->is_made[i])) {
        pthread_mutex_lock(&shared->lock);
        if (!load(&shared->is_made[i])) {
            shared->values[i] = i * 7; /* race */
            spend(200);
            store(&shared->is_made[i], 1);
        }
        pthread_mutex_unlock(&shared->lock);
    }
    return shared->values[i]; /* race */
}

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0)
        make_lock(&shared->lock);
    await(&shared->is_ready);
    /* Correct only for values that stay: so each is made once, and as slowly as there is time. */
    long sum = 0;
    for (unsigned step = 0; now() < end_of_time; step++) {
#ifdef RACY
        if (side == 0 && step % 64 == 0)
            store(&shared->is_made[step / 64 % ENTRIES], 0);
#endif
        for (int i = 0; i < ENTRIES && i < (int)step; i++)
            sum += get(shared, i) != i * 7;
        spend(1000);
    }
    return finish() + (sum != 0);
}
