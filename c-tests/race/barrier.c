/* Two phases, kept apart by a barrier: each writes its half, then reads the other's. RACY: nobody waits. */
#include "race.h"

struct shared {
    pthread_barrier_t barrier;
    int is_ready;
    volatile long halves[2][32];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        pthread_barrierattr_t attributes;
        pthread_barrierattr_init(&attributes);
        pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
        CHECK(pthread_barrier_init(&shared->barrier, &attributes, 2) == 0);
    }
    await(&shared->is_ready);
    long turns = IS_RACY ? 1L << 40 : (long)((argc > 2 ? atof(argv[2]) : 3) * 2000);
    for (long turn = 1; turn < turns && (!IS_RACY || goes_on()); turn++) {
        for (int i = 0; i < 32; i++)
            shared->halves[side][i] = turn; /* race */
        if (!IS_RACY)
            pthread_barrier_wait(&shared->barrier);
        for (int i = 0; i < 32; i++) {
            long read = shared->halves[!side][i]; /* race */
            CHECK(IS_RACY || read == turn);
        }
        if (!IS_RACY)
            pthread_barrier_wait(&shared->barrier);
    }
    return finish();
}
