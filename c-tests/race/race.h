/* Compiled with -DRACY a program has the race that its first lines name; without, it has none.

   Two processes that share memory for some time: PROGRAM KIND SECONDS, with KIND one of
   anonymous, memfd      the second is forked
   object, segment, file the second is executed, and finds the memory by its name. */
#ifndef RACE_H
#define RACE_H
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHECK(what) \
    do { \
        if (!(what)) { \
            fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #what, strerror(errno)); \
            exit(70); \
        } \
    } while (0)

#ifdef RACY
#define IS_RACY true
#else
#define IS_RACY false
#endif

/* 0 in the first process, 1 in the second. */
static int side;
static pid_t second;
static double end_of_time;

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Whether there is time left; asked for now and then, the clock is no part of what is watched. */
static inline bool goes_on(void)
{
    static unsigned asked;
    return ++asked % 256 != 0 || now() < end_of_time;
}

static inline void spend(unsigned steps)
{
    for (volatile unsigned step = 0; step < steps; step++)
        continue;
}

static void *map_file(int file, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    CHECK(memory != MAP_FAILED);
    close(file);
    return memory;
}

/* The memory by its name: made in the first process, found in the second. */
static void *named(const char *kind, const char *name, size_t size)
{
    int flags = side == 0 ? O_CREAT | O_EXCL | O_RDWR : O_RDWR;
    if (strcmp(kind, "segment") == 0) {
        int id = side == 0 ? shmget(IPC_PRIVATE, size, IPC_CREAT | 0600) : atoi(name);
        void *memory = shmat(id, NULL, 0);
        CHECK(memory != (void *)-1);
        if (side == 0)
            sprintf((char *)name, "%d", id);
        else
            shmctl(id, IPC_RMID, NULL);
        return memory;
    }
    bool is_object = strcmp(kind, "object") == 0;
    int file = is_object ? shm_open(name, flags, 0600) : open(name, flags, 0600);
    CHECK(file >= 0);
    if (side == 0)
        CHECK(ftruncate(file, (off_t)size) == 0);
    else if (is_object)
        shm_unlink(name);
    else
        unlink(name);
    return map_file(file, size);
}

static void *share(int argc, char **argv, size_t size)
{
    const char *kind = argc > 1 ? argv[1] : "anonymous";
    double seconds = argc > 2 ? atof(argv[2]) : 3;
    end_of_time = now() + seconds;
    char name[64] = "";
    if (argc > 3) {
        side = 1;
        strncpy(name, argv[3], sizeof name - 1);
        return named(kind, name, size);
    }
    if (strcmp(kind, "anonymous") == 0 || strcmp(kind, "memfd") == 0) {
        void *memory;
        if (*kind == 'a') {
            memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            CHECK(memory != MAP_FAILED);
        } else {
            int file = memfd_create("race", MFD_CLOEXEC);
            CHECK(file >= 0 && ftruncate(file, (off_t)size) == 0);
            memory = map_file(file, size);
        }
        second = fork();
        CHECK(second >= 0);
        side = second == 0;
        return memory;
    }
    sprintf(name, strcmp(kind, "object") == 0 ? "/mapsan-race-%d" : "race-%d", (int)getpid());
    void *memory = named(kind, name, size);
    second = fork();
    CHECK(second >= 0);
    if (second == 0) {
        /* By its name: /proc/self/exe itself is another program under some tools. */
        char program[4096] = "";
        CHECK(readlink("/proc/self/exe", program, sizeof program - 1) > 0);
        execl(program, argv[0], kind, argc > 2 ? argv[2] : "3", name, (char *)NULL);
        _exit(71);
    }
    return memory;
}

/* The first process says that all is prepared, and the second waits for that. */
static inline void await(int *is_ready)
{
    if (side == 0)
        __atomic_store_n(is_ready, 1, __ATOMIC_RELEASE);
    while (!__atomic_load_n(is_ready, __ATOMIC_ACQUIRE))
        usleep(100);
}

/* A mutex of processes. */
static inline void make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    CHECK(pthread_mutex_init(lock, &attributes) == 0);
}

/* Ends both. */
static int finish(void)
{
    if (side == 1)
        _exit(0);
    int status;
    CHECK(waitpid(second, &status, 0) == second);
    return status == 0 ? 0 : 1;
}

#endif
