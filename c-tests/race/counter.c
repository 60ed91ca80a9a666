/* Both count, and nothing keeps them apart. */
#include "race.h"

int main(int argc, char **argv)
{
    volatile int *counts = share(argc, argv, 4096);
    while (goes_on())
        counts[5]++; /* race */
    return finish();
}
