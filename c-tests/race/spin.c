/* A lock of one's own: taken by an exchange, let go of by a plain store; and one by hand with a futex (LOCK=futex). RACY: let go of before the
   last number is written. */
#include "race.h"
#include <linux/futex.h>
#include <sys/syscall.h>

struct shared {
    volatile int lock;
    volatile long first, second;
};

static void futex(volatile int *word, int operation, int value)
{
    syscall(SYS_futex, word, operation, value, NULL, NULL, 0);
}

static void take(struct shared *shared, bool sleeps)
{
    if (!sleeps) {
        int taken = 1;
        do
            __asm__ volatile("xchg %0, %1" : "+r"(taken), "+m"(shared->lock) : : "memory");
        while (taken && (usleep(1), true));
        return;
    }
    int free = 0;
    if (__atomic_compare_exchange_n(&shared->lock, &free, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&shared->lock, 2, __ATOMIC_ACQUIRE) != 0)
        futex(&shared->lock, FUTEX_WAIT, 2);
}

static void let_go(struct shared *shared, bool sleeps)
{
    if (!sleeps) {
        __asm__ volatile("" : : : "memory");
        shared->lock = 0;
    } else if (__atomic_exchange_n(&shared->lock, 0, __ATOMIC_RELEASE) == 2) {
        futex(&shared->lock, FUTEX_WAKE, 1);
    }
}

int main(int argc, char **argv)
{
    bool sleeps = getenv("LOCK") != NULL;
    struct shared *shared = share(argc, argv, sizeof *shared);
    while (goes_on()) {
        take(shared, sleeps);
        CHECK(IS_RACY || shared->first == shared->second);
        shared->first++;
        if (!IS_RACY)
            shared->second++;
        let_go(shared, sleeps);
        if (IS_RACY)
            shared->second++; /* race */
        spend(50);
    }
    return finish();
}
