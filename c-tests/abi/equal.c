/* Every call and failure: value and errno with the library are those of libc's own call. */
#define _GNU_SOURCE
#include "equal.h"
#include <fcntl.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

int main(void); /* an address in the program */

#define MMAP(...) BOTH(mmap, ADDRESS, munmap((void *)result, 4096), __VA_ARGS__) BOTH(mmap64, ADDRESS, munmap((void *)result, 4096), __VA_ARGS__)
#define SHMGET(...) BOTH(shmget, VALUE, if (result != segment) shmctl((int)result, IPC_RMID, NULL), __VA_ARGS__)
#define SHMAT(...) BOTH(shmat, ADDRESS, shmdt((void *)result), __VA_ARGS__)

static int descriptor(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        perror(path);
        exit(1);
    }
    return fd;
}

static void mappings(void)
{
    int read_only = descriptor("/proc/self/exe", O_RDONLY), ends[2], sockets[2];
    int memory = memfd_create("equal", MFD_ALLOW_SEALING), sealed = memfd_create("sealed", MFD_ALLOW_SEALING);
    int empty = memfd_create("empty", 0), write_only = descriptor("/dev/zero", O_WRONLY), zero = descriptor("/dev/zero", O_RDWR);
    int directory = descriptor("/", O_RDONLY), path = descriptor("/proc/self/exe", O_PATH), null = descriptor("/dev/null", O_RDWR);
    int proc = descriptor("/proc/self/status", O_RDONLY);
    if (pipe(ends) != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, sockets) != 0 || ftruncate(memory, 8192) != 0 ||
        ftruncate(sealed, 8192) != 0 || fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE) != 0)
        exit(1);
    int descriptors[] = {-1, 99, read_only, memory, sealed, empty, write_only, zero, directory, path, null, proc, ends[0], ends[1], sockets[0]};
    int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_EXEC, PROT_WRITE, 0x40};
    int flags[] = {0, MAP_SHARED, MAP_PRIVATE, MAP_SHARED | MAP_PRIVATE, 4, MAP_SHARED_VALIDATE | MAP_SYNC};
    for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
        for (unsigned p = 0; p < sizeof prots / sizeof *prots; p++)
            for (unsigned d = 0; d < sizeof descriptors / sizeof *descriptors; d++) {
                MMAP(NULL, 4096, prots[p], flags[f], descriptors[d], 0)
                MMAP(NULL, 0, prots[p], flags[f], descriptors[d], 0)
                MMAP(NULL, 4096, prots[p], flags[f], descriptors[d], 100)
                MMAP(NULL, 4096, prots[p], flags[f], descriptors[d], -4096)
                MMAP(NULL, (size_t)-4096, prots[p], flags[f], descriptors[d], 0)
                MMAP(NULL, 4096, prots[p], flags[f], descriptors[d], INT64_MAX & ~4095)
                MMAP(NULL, 4096, prots[p], flags[f] | MAP_ANONYMOUS, descriptors[d], 0)
            }
    int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;
    MMAP((void *)0x1234, 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0)
    MMAP((void *)0x1234, 4096, PROT_READ, anonymous | MAP_FIXED_NOREPLACE, -1, 0)
    MMAP((void *)((uintptr_t)main & ~(uintptr_t)4095), 4096, PROT_READ, anonymous | MAP_FIXED_NOREPLACE, -1, 0)
    MMAP((void *)0x1234, 4096, PROT_READ, anonymous, -1, 0)
    MMAP((void *)-4096, 4096, PROT_READ, anonymous | MAP_FIXED, -1, 0)
    MMAP(NULL, SIZE_MAX, PROT_READ, anonymous, -1, 0)
    MMAP(NULL, SIZE_MAX - 4096, PROT_READ, anonymous, -1, 0)
    MMAP(NULL, 1ul << 62, PROT_READ, anonymous, -1, 0)
    MMAP(NULL, 1ul << 47, PROT_READ, anonymous | MAP_NORESERVE, -1, 0)
    MMAP(NULL, 1ul << 44, PROT_READ | PROT_WRITE, anonymous | MAP_HUGETLB, -1, 0)
    MMAP(NULL, 4096, PROT_READ, anonymous | MAP_HUGETLB | (63 << MAP_HUGE_SHIFT), -1, 0)
    MMAP(NULL, 4096, PROT_READ, anonymous | MAP_GROWSDOWN, -1, 0)
    MMAP(NULL, 1, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
}

static void ranges(void)
{
    /* Single pages with nothing beside them, so that no call reaches what others have mapped. */
    int read_only = descriptor("/proc/self/exe", O_RDONLY), anonymous = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
    char *room = mmap(NULL, 64 * 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(room, 64 * 4096);
    char *page = mmap(room + 16 * 4096, 4096, PROT_READ | PROT_WRITE, anonymous, -1, 0);
    mmap(page + 8192, 4096, PROT_READ | PROT_WRITE, anonymous, -1, 0);
    char *file = mmap(room + 32 * 4096, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, read_only, 0);
    void *addresses[] = {NULL, MAP_FAILED, page, page + 1, page + 4096, page + 8192, file, (void *)4096, (void *)(1ul << 63)};
    size_t lengths[] = {0, 1, 4096, 8192, 3 * 4096, SIZE_MAX, SIZE_MAX & ~4095ul, 1ul << 62};
    for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; a++)
        for (unsigned l = 0; l < sizeof lengths / sizeof *lengths; l++) {
            void *address = addresses[a];
            size_t length = lengths[l];
            if (address != page && address != file && address != page + 8192) { /* nothing that exists goes away */
                if (length < 1ul << 61 && address != NULL && address != (void *)4096)
                    PLAIN(munmap, address, length)
                else if (length == 0 || length > 1ul << 61)
                    PLAIN(munmap, address, length)
            }
            PLAIN(mprotect, address, length, PROT_READ)
            PLAIN(mprotect, address, length, PROT_READ | PROT_WRITE)
            PLAIN(mprotect, address, length, PROT_READ | PROT_GROWSDOWN)
            PLAIN(mprotect, address, length, 0x100)
            PLAIN(msync, address, length, MS_SYNC)
            PLAIN(msync, address, length, MS_ASYNC)
            PLAIN(msync, address, length, MS_SYNC | MS_ASYNC)
            PLAIN(msync, address, length, 0x100)
            PLAIN(msync, address, length, 0)
            /* Longer ranges hold all that is mapped above; advice 100 and 101 would take a page from the machine. */
            for (int advice = -1; advice < 104 && (length <= 3 * 4096 || length == SIZE_MAX); advice += advice == 27 ? 75 : 1) {
                PLAIN(madvise, address, length, advice)
                PLAIN(posix_madvise, address, length, advice)
            }
            if (address != page && address != file && address != page + 8192) {
                BOTH(mremap, ADDRESS, , address, length, 4096, 0)
                BOTH(mremap, ADDRESS, , address, length, 4096, MREMAP_MAYMOVE)
            }
            BOTH(mremap, ADDRESS, , address, length, 0, MREMAP_MAYMOVE)
            BOTH(mremap, ADDRESS, , address, length, 4096, 0x80)
            BOTH(mremap, ADDRESS, , address, length, 4096, MREMAP_FIXED, page)
            BOTH(mremap, ADDRESS, , address, length, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, page + 1)
        }
    BOTH(mremap, ADDRESS, , page, 4096, 4096, 0)
}

static void segments(void)
{
    int segment = shmget(0x7e57, 4096, IPC_CREAT | 0600), readable = shmget(0x7e58, 4096, IPC_CREAT | 0644);
    void *attached = shmat(segment, NULL, 0);
    if (segment < 0 || readable < 0 || attached == (void *)-1)
        exit(1);
    key_t keys[] = {IPC_PRIVATE, -1, 0x7e57, 0x1bad};
    size_t sizes[] = {0, 1, 4096, 4097, SIZE_MAX, SIZE_MAX - (1ul << 25), 1ul << 60};
    int flags[] = {0, 0600, IPC_CREAT | 0600, IPC_CREAT | IPC_EXCL | 0600, IPC_CREAT, IPC_CREAT | 666, IPC_CREAT | SHM_HUGETLB | 0600};
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++)
        for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
                if (keys[k] != IPC_PRIVATE || sizes[s] != SIZE_MAX - (1ul << 25)) {
                    /* a private key gives another id each time: compared by success alone */
                    if (keys[k] == IPC_PRIVATE || (flags[f] & IPC_CREAT && keys[k] != 0x7e57))
                        BOTH(shmget, NEW_ID, if (result != segment) shmctl((int)result, IPC_RMID, NULL), keys[k], sizes[s], flags[f])
                    else
                        SHMGET(keys[k], sizes[s], flags[f])
                }
    int ids[] = {segment, readable, -1, -7, 0x7e57, 123456789};
    void *addresses[] = {NULL, (void *)8, attached, (char *)attached + 8, (void *)-1, (void *)(1ul << 62)};
    int attach_flags[] = {0, SHM_RDONLY, SHM_RND, SHM_REMAP, 0x40};
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; a++)
            for (unsigned f = 0; f < sizeof attach_flags / sizeof *attach_flags; f++)
                if (attach_flags[f] != SHM_REMAP || addresses[a] == NULL)
                    SHMAT(ids[i], addresses[a], attach_flags[f])
        struct shmid_ds state;
        int commands[] = {IPC_STAT, IPC_SET, SHM_LOCK, SHM_UNLOCK, 77, -1, SHM_STAT};
        for (unsigned c = 0; c < sizeof commands / sizeof *commands; c++) {
            if (commands[c] != IPC_SET)
                PLAIN(shmctl, ids[i], commands[c], &state)
            PLAIN(shmctl, ids[i], commands[c], NULL)
            PLAIN(shmctl, ids[i], commands[c], (struct shmid_ds *)8)
        }
    }
    PLAIN(shmctl, 123456789, IPC_RMID, NULL)
    for (unsigned a = 0; a < sizeof addresses / sizeof *addresses; a++)
        if (addresses[a] != attached)
            PLAIN(shmdt, addresses[a])
    PLAIN(shmdt, (void *)((uintptr_t)main & ~(uintptr_t)4095))
    shmdt(attached);
    PLAIN(shmdt, attached)
    shmctl(segment, IPC_RMID, NULL), shmctl(readable, IPC_RMID, NULL);
    PLAIN(shmctl, segment, IPC_RMID, NULL)
    BOTH(shmat, ADDRESS, , segment, NULL, 0)
}

static void keys(void)
{
    const char *paths[] = {"/", "/proc/self/exe", "/no such file", "", "/proc/self/exe/x", NULL, (const char *)8};
    int ids[] = {1, 0, -1, 256, 200, 'A'};
    for (unsigned p = 0; p < sizeof paths / sizeof *paths; p++)
        for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++)
            PLAIN(ftok, paths[p], ids[i])
}

/* Objects by their names: descriptors are compared by the order in which they are free. */
static void objects(void)
{
    static char longest[258], too_long[259];
    memset(longest, 'x', 256), memset(too_long, 'x', 257);
    longest[0] = too_long[0] = '/';
    int made = shm_open("/equal", O_RDWR | O_CREAT | O_EXCL, 0600);
    if (made < 0)
        exit(1);
    const char *names[] = {"/equal", "equal", "//equal", "/none", "", "/", "///", "/a/b", "/equal/", "/.", "/..", longest, too_long};
    int flags[] = {O_RDONLY, O_RDWR, O_WRONLY, O_ACCMODE, O_RDWR | O_EXCL, O_RDWR | O_TRUNC, O_RDWR | O_DIRECTORY, O_PATH};
    for (unsigned n = 0; n < sizeof names / sizeof *names; n++) {
        for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
            BOTH(shm_open, VALUE, close((int)result), names[n], flags[f], 0)
        BOTH(shm_open, VALUE, (close((int)result), shm_unlink(names[n])), names[n], O_RDWR | O_CREAT | O_EXCL, 0600)
        if (n > 2)
            PLAIN(shm_unlink, names[n])
    }
    BOTH(shm_open, VALUE, (close((int)result), shm_unlink("/made")), "/made", O_RDWR | O_CREAT, 0600)
    BOTH(shm_open, VALUE, (close((int)result), shm_unlink("/made")), "/made", O_RDWR | O_CREAT | O_EXCL, 600)
    BOTH(shm_open, VALUE, (close((int)result), shm_unlink("/made")), "made", O_RDONLY | O_CREAT, 0)
    PLAIN(shm_unlink, "/none")
    if (symlink("/none", "/dev/shm/equal-link") == 0) {
        PLAIN(shm_open, "/equal-link", O_RDWR, 0)
        shm_unlink("/equal-link");
    }
    struct rlimit before, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    PLAIN(shm_open, "/equal", O_RDWR, 0)
    setrlimit(RLIMIT_NOFILE, &before);
    close(made);
    shm_unlink("/equal");
    PLAIN(shm_unlink, "/equal")
}

#define GET(name, key, undo, ...)                                                                                      \
    if ((key) == IPC_PRIVATE)                                                                                          \
        BOTH(name, NEW_ID, undo, __VA_ARGS__)                                                                          \
    else                                                                                                               \
        BOTH(name, NEW_ID, if ((key) != 0x7e57) undo, __VA_ARGS__)

/* Semaphore sets: each command of semctl, each errno that can be had without another process. */
static void sets(void)
{
    int set = semget(0x7e57, 3, IPC_CREAT | 0600), gone = semget(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    if (set < 0 || semctl(gone, 0, IPC_RMID) != 0)
        exit(1);
    key_t keys[] = {IPC_PRIVATE, -1, 0x7e57, 0x1bad};
    int counts[] = {-1, 0, 1, 3, 4, 40000}, flags[] = {0, 0600, IPC_CREAT | 0600, IPC_CREAT | IPC_EXCL | 0600, IPC_CREAT, IPC_CREAT | 666};
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++)
        for (unsigned c = 0; c < sizeof counts / sizeof *counts; c++)
            for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
                GET(semget, keys[k], semctl((int)result, 0, IPC_RMID), keys[k], counts[c], flags[f])
    int ids[] = {set, gone, -1, -7, 0x7e57, 123456789}, numbers[] = {0, 2, 3, -1};
    int commands[] = {IPC_STAT, IPC_SET, IPC_INFO, GETPID, GETVAL, GETALL, GETNCNT, GETZCNT, SEM_STAT, SEM_INFO, 20, 77, -1};
    unsigned short values[3] = {1, 2, 3}, large[3] = {1, 40000, 1};
    struct semid_ds state, others;
    semctl(set, 0, IPC_STAT, &others);
    others.sem_perm.uid = (uid_t)-1;
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (unsigned n = 0; n < sizeof numbers / sizeof *numbers; n++) {
            for (unsigned c = 0; c < sizeof commands / sizeof *commands; c++) {
                struct seminfo room[4];
                if (commands[c] != IPC_SET)
                    PLAIN(semctl, ids[i], numbers[n], commands[c], room)
                PLAIN(semctl, ids[i], numbers[n], commands[c], NULL)
                PLAIN(semctl, ids[i], numbers[n], commands[c], (void *)8)
            }
            PLAIN(semctl, ids[i], numbers[n], SETVAL, 5)
            PLAIN(semctl, ids[i], numbers[n], SETVAL, -5)
            PLAIN(semctl, ids[i], numbers[n], SETVAL, 40000)
            PLAIN(semctl, ids[i], numbers[n], SETALL, values)
            PLAIN(semctl, ids[i], numbers[n], SETALL, large)
            PLAIN(semctl, ids[i], numbers[n], SETALL, NULL)
            PLAIN(semctl, ids[i], numbers[n], IPC_SET, &others)
        }
        if (ids[i] != set)
            PLAIN(semctl, ids[i], 0, IPC_RMID)
    }
    semctl(set, 0, IPC_STAT, &state);
    PLAIN(semctl, set, 0, IPC_SET, &state)
    static struct sembuf many[600];
    struct sembuf operations[][2] = {{{0, 1, 0}, {1, 1, 0}}, {{0, 0, IPC_NOWAIT}, {0, 0, 0}}, {{3, 1, 0}, {0, 1, 0}},
                                     {{0, 32767, 0}, {0, 32767, 0}}, {{2, 1, SEM_UNDO}, {2, -1, SEM_UNDO}}, {{1, -30000, IPC_NOWAIT}, {0, 1, 0}}};
    struct timespec soon = {0, 1000}, bad = {-1, 0};
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (unsigned o = 0; o < sizeof operations / sizeof *operations; o++)
            for (size_t n = 0; n < 3; n++) {
                PLAIN(semop, ids[i], operations[o], n)
                PLAIN(semtimedop, ids[i], operations[o], n, &soon)
                PLAIN(semtimedop, ids[i], operations[o], n, &bad)
                PLAIN(semtimedop, ids[i], operations[o], n, (struct timespec *)8)
            }
        PLAIN(semop, ids[i], many, 600)
        PLAIN(semop, ids[i], many, SIZE_MAX)
        PLAIN(semop, ids[i], NULL, 1)
        PLAIN(semop, ids[i], (struct sembuf *)8, 1)
    }
    struct sembuf wait = {0, -30000, 0};
    PLAIN(semtimedop, set, &wait, 1, &soon)
    semctl(set, 0, IPC_RMID);
    PLAIN(semop, set, &wait, 1)
}

/* Message queues, likewise. */
static void queues(void)
{
    int queue = msgget(0x7e57, IPC_CREAT | 0600), gone = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (queue < 0 || msgctl(gone, IPC_RMID, NULL) != 0)
        exit(1);
    key_t keys[] = {IPC_PRIVATE, -1, 0x7e57, 0x1bad};
    int flags[] = {0, 0600, IPC_CREAT | 0600, IPC_CREAT | IPC_EXCL | 0600, IPC_CREAT, IPC_CREAT | 666};
    for (unsigned k = 0; k < sizeof keys / sizeof *keys; k++)
        for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
            GET(msgget, keys[k], msgctl((int)result, IPC_RMID, NULL), keys[k], flags[f])
    int ids[] = {queue, gone, -1, -7, 0x7e57, 123456789};
    int commands[] = {IPC_STAT, IPC_SET, IPC_INFO, MSG_STAT, MSG_INFO, 13, 77, -1};
    struct msqid_ds state, others;
    msgctl(queue, IPC_STAT, &others);
    others.msg_perm.uid = (uid_t)-1;
    static struct { long type; char text[9000]; } mail = {1, "post"}, untyped, sink;
    for (unsigned i = 0; i < sizeof ids / sizeof *ids; i++) {
        for (unsigned c = 0; c < sizeof commands / sizeof *commands; c++) {
            union { struct msqid_ds state; struct msginfo info; } room;
            if (commands[c] != IPC_SET)
                PLAIN(msgctl, ids[i], commands[c], (struct msqid_ds *)&room)
            PLAIN(msgctl, ids[i], commands[c], NULL)
            PLAIN(msgctl, ids[i], commands[c], (struct msqid_ds *)8)
        }
        PLAIN(msgctl, ids[i], IPC_SET, &others)
        if (ids[i] != queue)
            PLAIN(msgctl, ids[i], IPC_RMID, NULL)
        size_t sizes[] = {0, 4, 8192, 8193, 9000, SIZE_MAX};
        for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            BOTH(msgsnd, VALUE, msgrcv(ids[i], &sink, sizeof sink.text, 0, MSG_NOERROR), ids[i], &mail, sizes[s], IPC_NOWAIT)
            PLAIN(msgsnd, ids[i], &untyped, sizes[s], IPC_NOWAIT)
            PLAIN(msgsnd, ids[i], NULL, sizes[s], IPC_NOWAIT)
            PLAIN(msgsnd, ids[i], (void *)8, sizes[s], IPC_NOWAIT)
            PLAIN(msgrcv, ids[i], &mail, sizes[s], 2, IPC_NOWAIT)
            PLAIN(msgrcv, ids[i], &mail, sizes[s], 0, MSG_COPY)
            PLAIN(msgrcv, ids[i], &mail, sizes[s], 1, IPC_NOWAIT | MSG_NOERROR)
        }
        while (msgrcv(ids[i], &mail, sizeof mail.text, 0, IPC_NOWAIT | MSG_NOERROR) >= 0)
            ;
        mail.type = 1;
        for (int messages = 0; messages < 8; messages++)
            if (ids[i] == queue && msgsnd(queue, &mail, 100, 0) != 0)
                exit(1);
        PLAIN(msgrcv, ids[i], &mail, 10, 0, IPC_NOWAIT)
        if (ids[i] == queue) /* each is lost */
            BOTH(msgrcv, VALUE, msgsnd(queue, &mail, 100, 0), queue, NULL, 200, 0, IPC_NOWAIT)
    }
    msgctl(queue, IPC_STAT, &state);
    PLAIN(msgctl, queue, IPC_SET, &state)
    msgctl(queue, IPC_RMID, NULL);
    PLAIN(msgsnd, queue, &mail, 4, 0)
    PLAIN(msgrcv, queue, &mail, 4, 0, 0)
}

/* By one definition, then by the other, with what the call made removed. */
static void semaphore(const char *name, int flags, unsigned value)
{
    sem_t *(*own_call)(const char *, int, ...) = (sem_t * (*)(const char *, int, ...)) dlsym(libc, "sem_open");
    for (int twice = 0; twice < 2; twice++) {
        int given[2], errnos[2];
        for (int with = 0; with < 2; with++) {
            errno = UNTOUCHED;
            sem_t *opened = (with ? sem_open : own_call)(name, flags, 0600, value);
            errnos[with] = errno;
            given[with] = opened == SEM_FAILED;
            if (opened != SEM_FAILED)
                sem_close(opened);
            if (flags & O_CREAT && strcmp(name, "/equal") != 0)
                sem_unlink(name);
        }
        compare("sem_open", given[0], errnos[0], given[1], errnos[1], VALUE);
    }
}

static void semaphores(void)
{
    sem_t *made = sem_open("/equal", O_CREAT | O_EXCL, 0600, 1), local;
    if (made == SEM_FAILED)
        exit(1);
    char too_long[300] = "/";
    memset(too_long + 1, 'x', sizeof too_long - 2);
    const char *names[] = {"/equal", "//equal", "/none", "", "/", "/a/b", "/equal/", "/.", too_long};
    int flags[] = {0, O_EXCL, O_CREAT, O_CREAT | O_EXCL, O_CREAT | O_RDWR | O_TRUNC};
    unsigned values[] = {0, 1, 0x7fffffff, 0x80000000, -1};
    for (unsigned n = 0; n < sizeof names / sizeof *names; n++) {
        for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++)
            for (unsigned v = 0; v < sizeof values / sizeof *values; v++)
                if (n != 1)
                    semaphore(names[n], flags[f], values[v]);
        if (n > 1)
            PLAIN(sem_unlink, names[n])
    }
    for (unsigned v = 0; v < sizeof values / sizeof *values; v++) {
        PLAIN(sem_init, &local, 0, values[v])
        PLAIN(sem_init, &local, 1, values[v])
    }
    if (symlink("/none", "/dev/shm/sem.equal-link") == 0) {
        semaphore("/equal-link", 0, 1);
        unlink("/dev/shm/sem.equal-link");
    }
    struct rlimit before, none = {0, 0};
    getrlimit(RLIMIT_NOFILE, &before);
    none.rlim_max = before.rlim_max;
    setrlimit(RLIMIT_NOFILE, &none);
    semaphore("/equal", 0, 1);
    setrlimit(RLIMIT_NOFILE, &before);
    sem_close(made);
    sem_unlink("/equal");
}

int main(void)
{
    if (!has_both())
        return 1;
    mappings();
    ranges();
    segments();
    keys();
    objects();
    semaphores();
    sets();
    queues();
    printf("%d calls compared, %d differ\n", compared, failures);
    return failures != 0;
}
