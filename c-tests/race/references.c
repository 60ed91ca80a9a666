/* Counted references: who lets go of the last one empties the record. RACY: they are counted by plain moves. */
#include "race.h"

#define RECORDS 16

struct shared {
    volatile long padding[8];
    int references[RECORDS];
};

static int count(int *references, int by)
{
#ifdef RACY
    volatile int *plain = references;
    *plain += by; /* race */
    return *plain; /* race */
#else
    return __atomic_add_fetch(references, by, __ATOMIC_ACQ_REL);
#endif
}

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    for (unsigned turn = 0; goes_on(); turn++) {
        int *references = &shared->references[turn % RECORDS];
        int now_used = count(references, 1);
        CHECK(IS_RACY || (now_used >= 1 && now_used <= 2));
        spend(100);
        count(references, -1);
    }
    return finish();
}
