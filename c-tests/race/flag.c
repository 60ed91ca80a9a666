/* A turn that is no atomic. */
#include "race.h"

int main(int argc, char **argv)
{
    volatile int *turn = share(argc, argv, 4096);
    while (now() < end_of_time) {
        while (*turn != side && goes_on()) /* race */
            usleep(20);
        *turn = !side; /* race */
    }
    return finish();
}
