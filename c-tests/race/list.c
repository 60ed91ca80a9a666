/* A stack of numbered cells, taken and put back without a lock. */
#include "race.h"

#define CELLS 64
struct shared {
    volatile int head;
    volatile int next[CELLS];
    volatile int used[CELLS];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    while (goes_on()) {
        int cell = shared->head % CELLS; /* race */
        shared->head = shared->next[cell]; /* race */
        shared->used[cell]++; /* race */
        spend(20);
        shared->next[cell] = shared->head; /* race */
        shared->head = (cell + 1) % CELLS; /* race */
    }
    return finish();
}
