/* Semaphore sets, message queues, and names: what their calls fill and change is what libc's do, for their owner and for another
 * user; and the errnos that take another user, or a limit.
 *
 * Not here, since they can't be had at will: ENOMEM, and ENFILE of shm_open and sem_open (the whole machine would be short of
 * memory or files); EINTR, EIDRM and a wait that is cancelled are in c-tests/process/waits.c; EINVAL of a set that was removed
 * is EIDRM in other kernels. */
#define _GNU_SOURCE
#include "equal.h"
#include <fcntl.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOBODY 65534

struct mail { long type; char text[64]; };

static int sets[2], queues[2];

static void make_twins(int mode)
{
    for (int i = 0; i < 2; i++) {
        sets[i] = semget(IPC_PRIVATE, 3, mode);
        queues[i] = msgget(IPC_PRIVATE, mode);
        if (sets[i] < 0 || queues[i] < 0)
            exit(1);
    }
}

static void remove_twins(void)
{
    for (int i = 0; i < 2; i++)
        if (semctl(sets[i], 0, IPC_RMID) != 0 || msgctl(queues[i], IPC_RMID, NULL) != 0)
            exit(1);
}

/* The twins are the same after the same calls. By raw calls, so that neither definition is asked. */
static void twins_are_alike(const char *after)
{
    unsigned short values[2][3];
    struct semid_ds set_states[2];
    struct msqid_ds queue_states[2];
    for (int i = 0; i < 2; i++)
        if (syscall(SYS_semctl, sets[i], 0, GETALL, values[i]) != 0 || syscall(SYS_semctl, sets[i], 0, IPC_STAT, &set_states[i]) != 0 ||
            syscall(SYS_msgctl, queues[i], IPC_STAT, &queue_states[i]) != 0)
            exit(1);
    int same = memcmp(values[0], values[1], sizeof values[0]) == 0 && set_states[0].sem_perm.mode == set_states[1].sem_perm.mode &&
               set_states[0].sem_perm.uid == set_states[1].sem_perm.uid && queue_states[0].msg_qnum == queue_states[1].msg_qnum &&
               queue_states[0].msg_perm.mode == queue_states[1].msg_perm.mode && queue_states[0].msg_qbytes == queue_states[1].msg_qbytes;
    for (unsigned short number = 0; number < 3; number++)
        same &= syscall(SYS_semctl, sets[0], number, GETPID, 0) == syscall(SYS_semctl, sets[1], number, GETPID, 0);
    compared++;
    if (!same) {
        failures++;
        printf("after %s, what libc changed and what the library changed differ\n", after);
    }
}

/* An index into the kernel's table that leads to a set, or a queue. */
static int index_of(int id) { return id & 0x7fff; }

/* Each command of semctl; those that take no fourth argument are given one that they must not look at, or none. */
static void set_commands(void)
{
    struct semid_ds state, changed;
    struct seminfo info;
    unsigned short values[3], given[3] = {7, 8, 9};
    int set = sets[0];
    TWINS(state, semctl, set, 0, IPC_STAT, &state)
    TWINS(state, semctl, index_of(set), 0, SEM_STAT, &state)
    TWINS(state, semctl, index_of(set), 0, 20 /* SEM_STAT_ANY */, &state)
    TWINS(info, semctl, 0, 0, IPC_INFO, &info)
    TWINS(info, semctl, 0, 0, SEM_INFO, &info)
    TWINS(values, semctl, set, 0, GETALL, values)
    for (int number = -1; number < 4; number++) {
        int commands[] = {GETVAL, GETPID, GETNCNT, GETZCNT};
        for (unsigned c = 0; c < sizeof commands / sizeof *commands; c++) {
            PAIR(semctl, sets[i], number, commands[c])
            PAIR(semctl, sets[i], number, commands[c], (void *)8)
            PAIR(semctl, sets[i], number, commands[c], -1L)
        }
    }
    /* A union by value: an int lies in the low half of what is passed, whatever the upper one holds. */
    union semun { int val; struct semid_ds *buf; unsigned short *array; void *all; } argument;
    argument.all = (void *)0xdeadbeef00000000;
    argument.val = 6;
    PAIR(semctl, sets[i], 1, SETVAL, argument)
    PAIR(semctl, sets[i], 1, SETVAL, 4)
    PAIR(semctl, sets[i], 1, SETVAL, 4L | 1L << 40)
    twins_are_alike("SETVAL");
    argument.array = given;
    PAIR(semctl, sets[i], 0, SETALL, argument)
    PAIR(semctl, sets[i], 99, SETALL, given)
    twins_are_alike("SETALL");
    if (semctl(set, 0, IPC_STAT, &changed) != 0)
        exit(1);
    changed.sem_perm.mode = 0640;
    argument.buf = &changed;
    PAIR(semctl, sets[i], 0, IPC_SET, argument)
    twins_are_alike("IPC_SET");
    PAIR(semctl, sets[i], 0, 21, (void *)8)
    PAIR(semctl, sets[i], 0, IPC_STAT | 0x100, (void *)8) /* IPC_64 of old kernels */
    int gone[] = {semget(IPC_PRIVATE, 1, 0600), semget(IPC_PRIVATE, 1, 0600), semget(IPC_PRIVATE, 1, 0600), semget(IPC_PRIVATE, 1, 0600)};
    PAIR(semctl, gone[i], 99, IPC_RMID, (void *)8)
    PAIR(semctl, gone[2 + i], 0, IPC_RMID)
}

static void set_operations(void)
{
    struct sembuf operations[][2] = {
        {{0, 2, 0}, {1, 3, SEM_UNDO}}, {{0, -1, 0}, {1, -1, 0}},     {{2, 0, IPC_NOWAIT}, {2, 1, 0}}, {{2, 0, IPC_NOWAIT}, {2, 1, 0}},
        {{0, 32767, 0}, {0, 1, 0}},    {{9, 1, 0}, {0, 1, 0}},       {{0, 1, ~0}, {1, 1, 0}},         {{0, 1, SEM_UNDO}, {0, -1, SEM_UNDO}},
        {{0, -32768, IPC_NOWAIT}, {0, 1, 0}},
    };
    struct timespec none = {0, 0}, soon = {0, 1000}, bad = {0, 1000000000};
    for (unsigned o = 0; o < sizeof operations / sizeof *operations; o++) {
        struct timespec *limits[] = {&none, &soon, &bad, NULL, (struct timespec *)8};
        PAIR(semop, sets[i], operations[o], 2)
        twins_are_alike("semop");
        for (unsigned l = 0; l < sizeof limits / sizeof *limits; l++)
            if (limits[l] != NULL || (operations[o][0].sem_op >= 0 && operations[o][0].sem_flg & IPC_NOWAIT)) {
                PAIR(semtimedop, sets[i], operations[o], 2, limits[l])
                twins_are_alike("semtimedop");
            }
    }
}

static void queue_commands(void)
{
    struct msqid_ds state, changed;
    struct msginfo info;
    int queue = queues[0];
    TWINS(state, msgctl, queue, IPC_STAT, &state)
    TWINS(state, msgctl, index_of(queue), MSG_STAT, &state)
    TWINS(state, msgctl, index_of(queue), 13 /* MSG_STAT_ANY */, &state)
    TWINS(info, msgctl, 0, IPC_INFO, (struct msqid_ds *)&info)
    TWINS(info, msgctl, 0, MSG_INFO, (struct msqid_ds *)&info)
    if (msgctl(queue, IPC_STAT, &changed) != 0)
        exit(1);
    changed.msg_perm.mode = 0620;
    changed.msg_qbytes = 200;
    PAIR(msgctl, queues[i], IPC_SET, &changed)
    twins_are_alike("IPC_SET");
    changed.msg_qbytes = 1ul << 40;
    PAIR(msgctl, queues[i], IPC_SET, &changed)
    PAIR(msgctl, queues[i], 14, (struct msqid_ds *)8)
    PAIR(msgctl, queues[i], IPC_STAT | 0x100, (struct msqid_ds *)8)
    int gone[] = {msgget(IPC_PRIVATE, 0600), msgget(IPC_PRIVATE, 0600), msgget(IPC_PRIVATE, 0600), msgget(IPC_PRIVATE, 0600)};
    PAIR(msgctl, gone[i], IPC_RMID, (struct msqid_ds *)8)
    PAIR(msgctl, gone[2 + i], IPC_RMID, NULL)
}

/* Messages of three types and lengths, and each way to take one of them. */
static void messages(void)
{
    struct mail mail = {.text = "post"}, got;
    long types[] = {3, 1, 2, 1}, taken[] = {0, 1, 2, 3, 9, -1, -2, -9, 0x7fffffffffffffff, 1l << 63};
    size_t sizes[] = {0, 2, 4, sizeof got.text};
    int flags[] = {0, MSG_NOERROR, MSG_EXCEPT, MSG_EXCEPT | MSG_NOERROR, MSG_COPY, MSG_COPY | MSG_NOERROR, MSG_COPY | MSG_EXCEPT, 0x100000};
    for (unsigned t = 0; t < sizeof taken / sizeof *taken; t++)
        for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++)
            for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++) {
                for (unsigned m = 0; m < sizeof types / sizeof *types; m++) {
                    mail.type = types[m];
                    PAIR(msgsnd, queues[i], &mail, m, IPC_NOWAIT)
                }
                twins_are_alike("msgsnd");
                TWINS(got, msgrcv, queues[i], &got, sizes[s], taken[t], flags[f] | IPC_NOWAIT)
                twins_are_alike("msgrcv");
                for (int i = 0; i < 2; i++)
                    while (syscall(SYS_msgrcv, queues[i], &got, sizeof got.text, 0, IPC_NOWAIT) >= 0)
                        ;
            }
    mail.type = 1;
    for (int full = 0; full < 8; full++) /* EAGAIN once it is full */
        PAIR(msgsnd, queues[i], &mail, sizeof mail.text, IPC_NOWAIT)
    twins_are_alike("a full queue");
    TWINS(got, msgrcv, queues[i], &got, SIZE_MAX, 0, IPC_NOWAIT)
    TWINS(got, msgrcv, queues[i], &got, 4, 0, MSG_COPY) /* without IPC_NOWAIT: EINVAL, or ENOSYS */
    TWINS(got, msgrcv, queues[i], (void *)8, 64, 0, IPC_NOWAIT)
}

/* sem_open: without O_CREAT as most call it, with a name and flags alone. */
static void opened(const char *name, int flags)
{
    __typeof__(&sem_open) calls[] = {(__typeof__(&sem_open))dlsym(libc, "sem_open"), &sem_open};
    for (int twice = 0; twice < 2; twice++) {
        int gave[2], errnos[2], values[2] = {0, 0};
        for (int i = 0; i < 2; i++) {
            errno = UNTOUCHED;
            sem_t *semaphore = flags & O_CREAT ? calls[i](name, flags, 0600, 5) : calls[i](name, flags);
            errnos[i] = errno;
            gave[i] = semaphore != SEM_FAILED;
            if (gave[i] && (sem_getvalue(semaphore, &values[i]) != 0 || sem_close(semaphore) != 0))
                exit(1);
        }
        compare("sem_open", gave[0], errnos[0], gave[1], errnos[1], VALUE);
        compare("the value of what sem_open gave", values[0], 0, values[1], 0, VALUE);
    }
}

/* What another user may do with root's objects of each mode. */
static void other_user(void)
{
    static struct mail mail = {.type = 1, .text = "post"};
    struct mail got;
    struct semid_ds state;
    struct msqid_ds queue_state;
    unsigned short values[3];
    int all[] = {0600, 0604, 0602, 0606, 0}, flags[] = {0, 0400, 0200, 0600, IPC_CREAT | 0600, IPC_CREAT | IPC_EXCL | 0600};
    for (unsigned m = 0; m < sizeof all / sizeof *all; m++) {
        key_t key = 0x6e0000 + all[m];
        for (unsigned f = 0; f < sizeof flags / sizeof *flags; f++) {
            PLAIN(semget, key, 3, flags[f])
            PLAIN(semget, key, 4, flags[f])
            PLAIN(msgget, key, flags[f])
            PLAIN(shmget, key, 4096, flags[f])
        }
        int set = (int)syscall(SYS_semget, key, 0, 0), queue = (int)syscall(SYS_msgget, key, 0);
        int segment = (int)syscall(SYS_shmget, key, 0, 0);
        struct sembuf takes = {0, -1, IPC_NOWAIT}, waits = {1, 0, IPC_NOWAIT}, gives = {0, 1, 0};
        TWINS(state, semctl, set, 0, IPC_STAT, &state)
        TWINS(values, semctl, set, 0, GETALL, values)
        TWINS(state, semctl, index_of(set), 0, SEM_STAT, &state)
        TWINS(state, semctl, index_of(set), 0, 20, &state)
        PLAIN(semctl, set, 0, GETVAL)
        PLAIN(semctl, set, 0, GETPID)
        PLAIN(semctl, set, 0, GETNCNT)
        PLAIN(semctl, set, 0, GETZCNT)
        PLAIN(semctl, set, 2, SETVAL, 3)
        PLAIN(semctl, set, 0, SETALL, values)
        PLAIN(semctl, set, 0, IPC_SET, &state)
        PLAIN(semctl, set, 0, IPC_RMID)
        BOTH(semop, VALUE, semctl(set, 0, SETVAL, 3), set, &takes, 1)
        PLAIN(semop, set, &waits, 1)
        PLAIN(semop, set, &gives, 1)
        TWINS(queue_state, msgctl, queue, IPC_STAT, &queue_state)
        TWINS(queue_state, msgctl, index_of(queue), MSG_STAT, &queue_state)
        TWINS(queue_state, msgctl, index_of(queue), 13, &queue_state)
        PLAIN(msgctl, queue, IPC_SET, &queue_state)
        PLAIN(msgctl, queue, IPC_RMID, NULL)
        PLAIN(msgsnd, queue, &mail, 4, IPC_NOWAIT)
        TWINS(got, msgrcv, queue, &got, sizeof got.text, 0, IPC_NOWAIT)
        TWINS(got, msgrcv, queue, &got, sizeof got.text, 0, IPC_NOWAIT | MSG_COPY)
        BOTH(shmat, ADDRESS, shmdt((void *)result), segment, NULL, 0)
        BOTH(shmat, ADDRESS, shmdt((void *)result), segment, NULL, SHM_RDONLY)
        PLAIN(shmctl, segment, IPC_RMID, NULL)
        char name[64];
        snprintf(name, sizeof name, "/equal-%o", all[m]);
        int openings[] = {O_RDONLY, O_RDWR, O_RDWR | O_CREAT, O_RDONLY | O_CREAT | O_EXCL, O_RDWR | O_TRUNC};
        for (unsigned o = 0; o < sizeof openings / sizeof *openings; o++)
            BOTH(shm_open, VALUE, close((int)result), name, openings[o], 0600)
        PLAIN(shm_unlink, name)
        opened(name, 0);
        opened(name, O_CREAT);
        opened(name, O_CREAT | O_EXCL);
        PLAIN(sem_unlink, name)
    }
    struct msqid_ds larger = {0};
    int mine = msgget(IPC_PRIVATE, 0600), mine_set = semget(IPC_PRIVATE, 1, 0);
    msgctl(mine, IPC_STAT, &larger);
    larger.msg_qbytes = 1u << 20; /* more than kernel.msgmnb takes root */
    PLAIN(msgctl, mine, IPC_SET, &larger)
    PLAIN(semctl, mine_set, 0, GETVAL) /* its owner, whom its mode refuses */
    msgctl(mine, IPC_RMID, NULL), semctl(mine_set, 0, IPC_RMID);
}

static void as_other_user(void)
{
    int all[] = {0600, 0604, 0602, 0606, 0};
    int ids[5][3];
    char name[64];
    if (geteuid() != 0) {
        puts("what another user may do is not compared: that takes root");
        return;
    }
    umask(0);
    for (unsigned m = 0; m < 5; m++) {
        key_t key = 0x6e0000 + all[m];
        snprintf(name, sizeof name, "/equal-%o", all[m]);
        ids[m][0] = semget(key, 3, IPC_CREAT | IPC_EXCL | all[m]);
        ids[m][1] = msgget(key, IPC_CREAT | IPC_EXCL | all[m]);
        ids[m][2] = shmget(key, 4096, IPC_CREAT | IPC_EXCL | all[m]);
        int file = shm_open(name, O_CREAT | O_EXCL | O_RDWR, all[m]);
        sem_t *semaphore = sem_open(name, O_CREAT | O_EXCL, all[m], 1);
        if (ids[m][0] < 0 || ids[m][1] < 0 || ids[m][2] < 0 || file < 0 || semaphore == SEM_FAILED)
            exit(1);
        close(file), sem_close(semaphore);
    }
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        failures = compared = 0;
        if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0)
            exit(1);
        other_user();
        printf("%d calls compared as another user, %d differ\n", compared, failures);
        fflush(stdout);
        _exit(failures != 0);
    }
    int status;
    failures += waitpid(child, &status, 0) != child || status != 0;
    for (unsigned m = 0; m < 5; m++) {
        snprintf(name, sizeof name, "/equal-%o", all[m]);
        semctl(ids[m][0], 0, IPC_RMID), msgctl(ids[m][1], IPC_RMID, NULL), shmctl(ids[m][2], IPC_RMID, NULL);
        shm_unlink(name), sem_unlink(name);
    }
}

static void names_alone(void)
{
    int value;
    sem_t *made = sem_open("/equal-two", O_CREAT | O_EXCL, 0600, 3);
    if (made == SEM_FAILED)
        exit(1);
    opened("/equal-two", 0);
    opened("equal-two", O_RDWR);
    opened("/equal-two", O_EXCL);
    opened("/equal-two", O_CREAT);
    opened("/equal-two", O_CREAT | O_EXCL);
    opened("/equal-none", 0);
    compared++;
    failures += sem_getvalue(made, &value) != 0 || value != 3;
    sem_close(made);
    PLAIN(sem_unlink, "/equal-none")
    sem_unlink("/equal-two");
}

/* ENOSPC, in a namespace of its own in which so many are allowed. */
static void limits(void)
{
    static const char *const limits[][2] = {
        {"/proc/sys/kernel/sem", "10 12 5 3"}, {"/proc/sys/kernel/msgmni", "2"}, {"/proc/sys/kernel/shmmni", "2"}, {"/proc/sys/kernel/shmall", "3"},
    };
    if (geteuid() != 0 || unshare(CLONE_NEWIPC) != 0) {
        puts("limits are not compared: that takes root");
        return;
    }
    for (unsigned l = 0; l < sizeof limits / sizeof *limits; l++) {
        int file = open(limits[l][0], O_WRONLY | O_CLOEXEC);
        if (file < 0 || write(file, limits[l][1], strlen(limits[l][1])) < 0) {
            puts("limits are not compared: /proc/sys can't be written");
            return;
        }
        close(file);
    }
    BOTH(semget, NEW_ID, semctl((int)result, 0, IPC_RMID), IPC_PRIVATE, 11, 0600) /* more in one than the first: EINVAL */
    BOTH(shmget, NEW_ID, shmctl((int)result, IPC_RMID, NULL), IPC_PRIVATE, 4 * 4096, 0600)
    int set = semget(IPC_PRIVATE, 8, 0600);
    struct sembuf many[6] = {{0}};
    BOTH(semget, NEW_ID, semctl((int)result, 0, IPC_RMID), IPC_PRIVATE, 5, 0600) /* more in all than the second: ENOSPC */
    PLAIN(semop, set, many, 5)
    PLAIN(semop, set, many, 6) /* E2BIG */
    for (int made = 0; made < 3; made++) {
        semget(IPC_PRIVATE, 1, 0600), msgget(IPC_PRIVATE, 0600), shmget(IPC_PRIVATE, 1, 0600);
        BOTH(semget, NEW_ID, semctl((int)result, 0, IPC_RMID), IPC_PRIVATE, 1, 0600)
        BOTH(msgget, NEW_ID, msgctl((int)result, IPC_RMID, NULL), IPC_PRIVATE, 0600)
        BOTH(shmget, NEW_ID, shmctl((int)result, IPC_RMID, NULL), IPC_PRIVATE, 1, 0600)
    }
}

int main(void)
{
    sigset_t before = {0}, after = {0}; /* libc fills in the part that the kernel has */
    int lowest = dup(0);
    close(lowest);
    if (!has_both())
        return 1;
    sigprocmask(SIG_SETMASK, NULL, &before);
    make_twins(0600);
    set_commands();
    set_operations();
    queue_commands();
    messages();
    remove_twins();
    names_alone();
    as_other_user();
    limits();
    sigprocmask(SIG_SETMASK, NULL, &after);
    int free_now = dup(0);
    if (free_now != lowest || memcmp(&before, &after, sizeof before) != 0) {
        failures++;
        puts("descriptors or the signal mask are not as they were");
    }
    printf("%d calls compared, %d differ\n", compared, failures);
    return failures != 0;
}
