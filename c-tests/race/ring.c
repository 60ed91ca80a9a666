/* A ring with one who fills it and one who empties it, whose ends are atomics. RACY: both fill it. */
#include "race.h"
#include <stdatomic.h>

#define ROOM 64

struct shared {
    atomic_uint head, tail;
    volatile long slots[ROOM];
};

static bool put(struct shared *ring, long value)
{
    unsigned tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    if (tail - atomic_load_explicit(&ring->head, memory_order_acquire) == ROOM)
        return false;
    ring->slots[tail % ROOM] = value; /* race */
    atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
    return true;
}

static bool get(struct shared *ring, long *value)
{
    unsigned head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    if (head == atomic_load_explicit(&ring->tail, memory_order_acquire))
        return false;
    *value = ring->slots[head % ROOM]; /* race */
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
    return true;
}

int main(int argc, char **argv)
{
    struct shared *ring = share(argc, argv, sizeof *ring);
    long value = 0, put_in = 0, taken = 0;
    while (goes_on()) {
        if (side == 0 || IS_RACY)
            put_in += put(ring, put_in);
        if (side == 1 && get(ring, &value)) {
            CHECK(IS_RACY || value == taken);
            taken++;
        }
        spend(20);
    }
    return finish();
}
