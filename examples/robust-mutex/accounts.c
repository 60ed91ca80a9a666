#include "accounts.h"
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

#define KEY_FILE "accounts.key"
#define CAPITAL 100

/* All that is shared. No pointers: each program has the segment at another address. */
struct accounts {
    bool is_made;
    int segment;
    pthread_mutex_t lock;
    long first, second;
};

static _Noreturn void fail(const char *what, int error)
{
    fprintf(stderr, "%s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

/* Programs come and go one at a time, so that one alone makes the segment, and one alone removes it. It is a lock of the
 * kernel's, which a program that dies gives up. The file stays: its inode is part of the key. */
static int lock_door(void)
{
    int door = open(KEY_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (door == -1 || flock(door, LOCK_EX) == -1)
        fail(KEY_FILE, errno);
    return door;
}

static void make_lock(pthread_mutex_t *lock)
{
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    int error = pthread_mutex_init(lock, &attributes);
    if (error != 0)
        fail("pthread_mutex_init", error);
    pthread_mutexattr_destroy(&attributes);
}

struct accounts *accounts_open(void)
{
    int door = lock_door();
    key_t key = ftok(KEY_FILE, 'A');
    if (key == -1)
        fail("ftok", errno);
    int segment = shmget(key, sizeof(struct accounts), IPC_CREAT | 0600);
    if (segment == -1)
        fail("shmget", errno);
    struct accounts *accounts = shmat(segment, NULL, 0);
    if (accounts == (void *)-1)
        fail("shmat", errno);
    /* A new segment is all zeroes. So it is made if whoever should have made it died before the end. */
    if (!accounts->is_made) {
        make_lock(&accounts->lock);
        accounts->segment = segment;
        accounts->first = CAPITAL;
        accounts->is_made = true;
    }
    close(door);
    return accounts;
}

void accounts_close(struct accounts *accounts)
{
    int segment = accounts->segment;
    int door = lock_door();
    if (shmdt(accounts) == -1)
        fail("shmdt", errno);
    /* The kernel counts, and counts nobody who has died. */
    struct shmid_ds now;
    if (shmctl(segment, IPC_STAT, &now) == -1)
        fail("IPC_STAT", errno);
    if (now.shm_nattch == 0 && shmctl(segment, IPC_RMID, NULL) == -1)
        fail("IPC_RMID", errno);
    close(door);
}

/* What a lock has answered: whether the caller is inside now. */
static bool is_inside(struct accounts *accounts, int error)
{
    if (error == EBUSY)
        return false;
    if (error == EOWNERDEAD) {
        /* Somebody died inside. What was taken and not put goes back. */
        accounts->first = CAPITAL - accounts->second;
        error = pthread_mutex_consistent(&accounts->lock);
    }
    if (error != 0)
        fail("the lock", error);
    return true;
}

void accounts_enter(struct accounts *accounts)
{
    is_inside(accounts, pthread_mutex_lock(&accounts->lock));
}

bool accounts_try_enter(struct accounts *accounts)
{
    return is_inside(accounts, pthread_mutex_trylock(&accounts->lock));
}

void accounts_leave(struct accounts *accounts)
{
    pthread_mutex_unlock(&accounts->lock);
}

void accounts_take(struct accounts *accounts, long amount)
{
    accounts->first -= amount;
}

void accounts_put(struct accounts *accounts, long amount)
{
    accounts->second += amount;
}

long accounts_total(const struct accounts *accounts)
{
    return accounts->first + accounts->second;
}
