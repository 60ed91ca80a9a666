/* Each looks whether it is initialised, and does so if not. */
#include "race.h"

struct shared {
    volatile int is_ready[512];
    volatile long values[512];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    while (goes_on()) {
        for (int i = 0; i < 512; i++) {
            if (!shared->is_ready[i]) { /* race */
                shared->values[i] = i * 7; /* race */
                shared->is_ready[i] = 1; /* race */
            }
        }
        if (side == 0)
            for (int i = 0; i < 512; i++)
                shared->is_ready[i] = 0; /* race */
    }
    return finish();
}
