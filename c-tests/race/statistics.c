/* Each counts for itself, and reads the other's numbers as atomics. RACY: both count in one total, too. */
#include "race.h"

struct shared {
    struct {
        long requests, bytes;
    } of[2];
    volatile long total;
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    long sum = 0;
    while (goes_on()) {
        __atomic_store_n(&shared->of[side].requests, __atomic_load_n(&shared->of[side].requests, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
        __atomic_fetch_add(&shared->of[side].bytes, 512, __ATOMIC_RELAXED);
        if (IS_RACY)
            shared->total++; /* race */
        sum += __atomic_load_n(&shared->of[!side].requests, __ATOMIC_RELAXED);
        spend(100);
    }
    return finish() + (sum < 0);
}
