/* A record is written where nobody looks, and published by an atomic index. RACY: the one that is published is changed. */
#include "race.h"
#include <stdatomic.h>

#define RECORDS 8

struct shared {
    atomic_uint published, read;
    volatile long records[RECORDS][4];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    for (unsigned turn = 1; goes_on(); turn++) {
        if (side == 0) {
            /* Not before the one of before has been read: it may lie where the next is written. */
            if (!IS_RACY && atomic_load_explicit(&shared->read, memory_order_acquire)
                                != atomic_load_explicit(&shared->published, memory_order_relaxed))
                continue;
            unsigned next = IS_RACY ? 1 : atomic_load_explicit(&shared->published, memory_order_relaxed) + 1;
            for (int i = 0; i < 4; i++)
                shared->records[next % RECORDS][i] = turn; /* race */
            atomic_store_explicit(&shared->published, next, memory_order_release);
            spend(50);
        } else {
            unsigned index = atomic_load_explicit(&shared->published, memory_order_acquire);
            volatile long *record = shared->records[index % RECORDS];
            long first = record[0], last = record[3]; /* race */
            CHECK(IS_RACY || first == last);
            atomic_store_explicit(&shared->read, index, memory_order_release);
        }
    }
    return finish();
}
