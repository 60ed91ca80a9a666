/* A lock that each process has for itself keeps its threads apart, and not the processes. */
#include "race.h"
#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int main(int argc, char **argv)
{
    volatile long *total = share(argc, argv, 4096);
    while (goes_on()) {
        pthread_mutex_lock(&lock);
        total[100] += 3; /* race */
        pthread_mutex_unlock(&lock);
    }
    return finish();
}
