/* A list of free entries under a mutex. RACY: its first entry is read before the mutex is taken. */
#include "race.h"

#define ENTRIES 64

struct shared {
    pthread_mutex_t lock;
    int is_ready;
    volatile unsigned first;
    volatile struct {
        unsigned next;
        int owner;
    } entries[ENTRIES + 1];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        make_lock(&shared->lock);
        for (unsigned i = 1; i <= ENTRIES; i++)
            shared->entries[i].next = i % ENTRIES ? i + 1 : 0;
        shared->first = 1;
    }
    await(&shared->is_ready);
    while (goes_on()) {
        unsigned entry = IS_RACY ? shared->first : 0; /* race */
        pthread_mutex_lock(&shared->lock);
        if (!IS_RACY)
            entry = shared->first;
        if (entry != 0)
            shared->first = shared->entries[entry].next; /* race */
        pthread_mutex_unlock(&shared->lock);
        if (entry == 0)
            continue;
        shared->entries[entry].owner = side + 1; /* race */
        spend(50);
        CHECK(IS_RACY || shared->entries[entry].owner == side + 1); /* race */
        pthread_mutex_lock(&shared->lock);
        shared->entries[entry].next = shared->first; /* race */
        shared->first = entry; /* race */
        pthread_mutex_unlock(&shared->lock);
    }
    return finish();
}
