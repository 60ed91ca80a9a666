/* A table with a lock for each of its buckets. RACY: one of the two processes takes another bucket's. */
#include "race.h"

#define BUCKETS 8

struct shared {
    int is_ready;
    pthread_mutex_t locks[BUCKETS];
    volatile long counts[BUCKETS][3];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0)
        for (int i = 0; i < BUCKETS; i++)
            make_lock(&shared->locks[i]);
    await(&shared->is_ready);
    for (unsigned key = 0; goes_on(); key += 5) {
        unsigned bucket = key % BUCKETS, lock = IS_RACY && side == 1 ? (bucket + 1) % BUCKETS : bucket;
        pthread_mutex_lock(&shared->locks[lock]);
        for (int i = 0; i < 3; i++)
            shared->counts[bucket][i]++; /* race */
        CHECK(IS_RACY || shared->counts[bucket][0] == shared->counts[bucket][2]);
        pthread_mutex_unlock(&shared->locks[lock]);
        spend(40);
    }
    return finish();
}
