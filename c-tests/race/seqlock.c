/* A sequence lock: who reads looks whether somebody wrote meanwhile. All of it is atomic, and mostly relaxed.
   RACY: both write, and one of the numbers is no atomic. */
#include "race.h"
#include <stdatomic.h>

struct shared {
    atomic_uint sequence;
    atomic_long first, second;
    long third;
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    while (goes_on()) {
        if (side == 0 || IS_RACY) {
            unsigned sequence = atomic_load_explicit(&shared->sequence, memory_order_relaxed);
            atomic_store_explicit(&shared->sequence, sequence + 1, memory_order_relaxed);
            atomic_thread_fence(memory_order_release);
#ifdef RACY
            *(volatile long *)&shared->third += 1; /* race */
#endif
            long value = atomic_load_explicit(&shared->first, memory_order_relaxed) + 1;
            atomic_store_explicit(&shared->first, value, memory_order_relaxed);
            atomic_store_explicit(
                &shared->second,
                value,
                memory_order_relaxed);
            atomic_store_explicit(&shared->sequence, sequence + 2, memory_order_release);
            spend(100);
        } else {
            unsigned before = atomic_load_explicit(&shared->sequence, memory_order_acquire);
            long first = atomic_load_explicit(&shared->first, memory_order_relaxed);
            long second = atomic_load_explicit(&shared->second, memory_order_relaxed);
            atomic_thread_fence(memory_order_acquire);
            unsigned after = atomic_load_explicit(&shared->sequence, memory_order_relaxed);
            CHECK(before != after || before % 2 != 0 || first == second || IS_RACY);
        }
    }
    return finish();
}
