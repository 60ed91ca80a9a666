/* What makes and destroys locks: the value, and the bytes of the lock, are those that libc's own call leaves, with every attribute
 * and wherever the lock lies; and calls that crash in libc crash under the library by the same signal.
 *
 * Not here, since they can't be had at will: EAGAIN and ENOMEM, which glibc's do not give; ENOTSUP of robust or inheriting ones,
 * which kernels without them give. */
#define _GNU_SOURCE
#include "equal.h"
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Where a lock may lie. */
static char *places[5];
static const char *const place_names[] = {"private memory", "an anonymous shared mapping", "a segment", "an object of shm_open", "a private mapping of it"};

static void find_places(void)
{
    static char own[4096];
    int segment = shmget(IPC_PRIVATE, 4096, 0600), object = shm_open("/equal-locks", O_RDWR | O_CREAT | O_EXCL, 0600);
    if (segment < 0 || object < 0 || ftruncate(object, 4096) != 0)
        exit(1);
    places[0] = own;
    places[1] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    places[2] = shmat(segment, NULL, 0);
    places[3] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
    places[4] = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, object, 0);
    if (places[2] == (char *)-1 || places[1] == MAP_FAILED || places[3] == MAP_FAILED || places[4] == MAP_FAILED)
        exit(1);
    shmctl(segment, IPC_RMID, NULL), shm_unlink("/equal-locks"), close(object);
}

/* Makes a lock at each place, of bytes that are none, then of zeroes, and destroys it. */
#define LOCK(type, name, destroy, ...)                                                                                 \
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++) {                                                    \
        int before = failures;                                                                                         \
        type *lock = (type *)places[p];                                                                                \
        TWINS(*lock, name, lock, ##__VA_ARGS__)                                                                        \
        memset((void *)lock, 0, sizeof *lock);                                                                         \
        long gone[2] = {0, 0};                                                                                         \
        int gone_errno[2] = {0, 0};                                                                                    \
        for (int i = 0; i < 2; i++)                                                                                    \
            if ((i == 0 ? (__typeof__(&name))dlsym(libc, #name) : &name)(lock, ##__VA_ARGS__) == 0) {                  \
                errno = UNTOUCHED;                                                                                     \
                gone[i] = (i == 0 ? (__typeof__(&destroy))dlsym(libc, #destroy) : &destroy)(lock);                     \
                gone_errno[i] = errno;                                                                                 \
            }                                                                                                          \
        compare(#destroy, gone[0], gone_errno[0], gone[1], gone_errno[1], VALUE);                                      \
        if (failures != before)                                                                                        \
            printf("that was in %s\n", place_names[p]);                                                                \
    }

static void mutexes(void)
{
    LOCK(pthread_mutex_t, pthread_mutex_init, pthread_mutex_destroy, NULL)
    int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_RECURSIVE, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_ADAPTIVE_NP};
    int protocols[] = {PTHREAD_PRIO_NONE, PTHREAD_PRIO_INHERIT, PTHREAD_PRIO_PROTECT};
    for (unsigned t = 0; t < 4; t++)
        for (unsigned p = 0; p < 3; p++)
            for (int bits = 0; bits < 4; bits++) {
                pthread_mutexattr_t attributes;
                pthread_mutexattr_init(&attributes);
                if (pthread_mutexattr_settype(&attributes, types[t]) != 0 || pthread_mutexattr_setprotocol(&attributes, protocols[p]) != 0 ||
                    pthread_mutexattr_setpshared(&attributes, bits & 1) != 0 || pthread_mutexattr_setrobust(&attributes, bits >> 1) != 0)
                    exit(1);
                LOCK(pthread_mutex_t, pthread_mutex_init, pthread_mutex_destroy, &attributes)
                if (p == 2 && pthread_mutexattr_setprioceiling(&attributes, 10) == 0)
                    LOCK(pthread_mutex_t, pthread_mutex_init, pthread_mutex_destroy, &attributes)
            }
    unsigned odd[] = {0xffffffff, 0x12345678, 0x3fffffff}; /* no attributes that any call makes */
    for (unsigned o = 0; o < 3; o++)
        LOCK(pthread_mutex_t, pthread_mutex_init, pthread_mutex_destroy, (pthread_mutexattr_t *)&odd[o])
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++) { /* EBUSY */
        pthread_mutex_t *lock = (pthread_mutex_t *)places[p];
        pthread_mutex_init(lock, NULL);
        pthread_mutex_lock(lock);
        PLAIN(pthread_mutex_destroy, lock)
        pthread_mutex_unlock(lock);
        pthread_mutex_destroy(lock);
        PLAIN(pthread_mutex_destroy, lock) /* EINVAL, or 0 */
    }
}

static void others(void)
{
    pthread_condattr_t condition;
    pthread_rwlockattr_t rwlock;
    pthread_barrierattr_t barrier;
    pthread_condattr_init(&condition), pthread_rwlockattr_init(&rwlock), pthread_barrierattr_init(&barrier);
    LOCK(pthread_cond_t, pthread_cond_init, pthread_cond_destroy, NULL)
    LOCK(pthread_rwlock_t, pthread_rwlock_init, pthread_rwlock_destroy, NULL)
    LOCK(pthread_barrier_t, pthread_barrier_init, pthread_barrier_destroy, NULL, 3)
    for (int shared = 0; shared < 2; shared++) {
        pthread_condattr_setpshared(&condition, shared), pthread_rwlockattr_setpshared(&rwlock, shared), pthread_barrierattr_setpshared(&barrier, shared);
        for (int clock = CLOCK_REALTIME; clock <= CLOCK_MONOTONIC; clock++) {
            pthread_condattr_setclock(&condition, clock);
            LOCK(pthread_cond_t, pthread_cond_init, pthread_cond_destroy, &condition)
        }
        int preferences[] = {PTHREAD_RWLOCK_PREFER_READER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NP, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP};
        for (unsigned k = 0; k < 3; k++) {
            pthread_rwlockattr_setkind_np(&rwlock, preferences[k]);
            LOCK(pthread_rwlock_t, pthread_rwlock_init, pthread_rwlock_destroy, &rwlock)
        }
        unsigned counts[] = {1, 2, 0x7fffffff};
        for (unsigned c = 0; c < 3; c++)
            LOCK(pthread_barrier_t, pthread_barrier_init, pthread_barrier_destroy, &barrier, counts[c])
    }
    for (unsigned p = 0; p < sizeof places / sizeof *places; p++) { /* EINVAL: none is made that could be destroyed */
        PLAIN(pthread_barrier_init, (pthread_barrier_t *)places[p], NULL, 0)
        PLAIN(pthread_barrier_init, (pthread_barrier_t *)places[p], &barrier, 0x80000000)
        PLAIN(sem_init, (sem_t *)places[p], 0, 0x80000000)
        PLAIN(sem_init, (sem_t *)places[p], 1, -1)
    }
    int flags[] = {0, 1, 2, -1, 0x7fffffff};
    for (unsigned f = 0; f < 5; f++) {
        LOCK(pthread_spinlock_t, pthread_spin_init, pthread_spin_destroy, flags[f])
        LOCK(sem_t, sem_init, sem_destroy, flags[f], 0)
        LOCK(sem_t, sem_init, sem_destroy, flags[f], 0x7fffffff)
    }
}

/* How a child ends that makes a call. */
#define ENDS(name, ...)                                                                                                \
    {                                                                                                                  \
        int ends[2];                                                                                                   \
        for (int i = 0; i < 2; i++) {                                                                                  \
            __typeof__(&name) call = i == 0 ? (__typeof__(&name))dlsym(libc, #name) : &name;                           \
            pid_t child = fork();                                                                                      \
            if (child == 0)                                                                                            \
                _exit(call(__VA_ARGS__) & 127);                                                                        \
            if (child < 0 || waitpid(child, &ends[i], 0) != child)                                                     \
                exit(1);                                                                                               \
        }                                                                                                              \
        compare("the end by " #name "(" #__VA_ARGS__ ")", ends[0], 0, ends[1], 0, VALUE);                              \
    }

static void wrong_addresses(void)
{
    FILE *empty = tmpfile();
    char *read_only = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    char *past_end = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fileno(empty), 0);
    void *addresses[] = {NULL, (void *)8, read_only, past_end, (void *)(1ul << 62)};
    if (read_only == MAP_FAILED || past_end == MAP_FAILED)
        exit(1);
    for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; a++) {
        void *address = addresses[a];
        ENDS(pthread_mutex_init, address, NULL)
        ENDS(pthread_cond_init, address, NULL)
        ENDS(pthread_rwlock_init, address, NULL)
        ENDS(pthread_barrier_init, address, NULL, 1)
        ENDS(pthread_spin_init, address, 1)
        ENDS(sem_init, address, 1, 1)
        ENDS(pthread_mutex_destroy, address)
        ENDS(pthread_barrier_destroy, address)
        ENDS(sem_destroy, address)
        if (address != NULL)
            for (unsigned p = 0; p < sizeof places / sizeof *places; p++) {
                ENDS(pthread_mutex_init, (pthread_mutex_t *)places[p], address)
                ENDS(pthread_cond_init, (pthread_cond_t *)places[p], address)
                ENDS(pthread_rwlock_init, (pthread_rwlock_t *)places[p], address)
                ENDS(pthread_barrier_init, (pthread_barrier_t *)places[p], address, 1)
            }
    }
    fclose(empty);
}

int main(void)
{
    struct rlimit none = {0, 0}; /* children crash, and no core is wanted of them */
    if (!has_both())
        return 1;
    setrlimit(RLIMIT_CORE, &none);
    find_places();
    mutexes();
    others();
    fflush(stdout);
    wrong_addresses();
    printf("%d calls compared, %d differ\n", compared, failures);
    return failures != 0;
}
