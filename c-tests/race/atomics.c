/* A ring of numbers between two atomics, one who puts and one who takes; and a counter of both. */
#include "race.h"
#include <stdatomic.h>

#define SIZE 64
struct shared {
    atomic_uint head, tail;
    atomic_long count;
    unsigned values[SIZE];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    unsigned expected = 0;
    while (goes_on()) {
        atomic_fetch_add(&shared->count, 1);
        unsigned head = atomic_load_explicit(&shared->head, memory_order_acquire);
        unsigned tail = atomic_load_explicit(&shared->tail, memory_order_acquire);
        if (side == 0 && head - tail < SIZE) {
            shared->values[head % SIZE] = head;
            atomic_store_explicit(&shared->head, head + 1, memory_order_release);
        } else if (side == 1 && head != tail) {
            CHECK(shared->values[tail % SIZE] == expected++);
            atomic_store_explicit(&shared->tail, tail + 1, memory_order_release);
        }
    }
    return finish();
}
