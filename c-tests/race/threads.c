/* Threads of one process, in memory that it shares with another that only waits. */
#include "race.h"
#include <pthread.h>

static volatile short *counts;

static void *count(void *unused)
{
    (void)unused;
    while (now() < end_of_time)
        for (int i = 0; i < 100; i++)
            counts[9]++; /* race */
    return NULL;
}

int main(int argc, char **argv)
{
    counts = share(argc, argv, 4096);
    if (side == 0) {
        pthread_t threads[2];
        for (int i = 0; i < 2; i++)
            CHECK(pthread_create(&threads[i], NULL, count, NULL) == 0);
        for (int i = 0; i < 2; i++)
            pthread_join(threads[i], NULL);
    } else {
        while (now() < end_of_time)
            usleep(1000);
    }
    return finish();
}
