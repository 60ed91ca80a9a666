/* Calls of System V that wait: cancelled, interrupted, timed out, and their object removed meanwhile. Each is made by libc's
 * definition and by the library's, and the same becomes of both. Nothing waits by time: the kernel says when a thread is in
 * its call, and when a signal has come through. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SEMOP, SEMTIMEDOP, MSGSND, MSGRCV, CALLS };
static const char *const names[CALLS] = {"semop", "semtimedop", "msgsnd", "msgrcv"};

typedef int semop_call(int, struct sembuf *, size_t);
typedef int semtimedop_call(int, struct sembuf *, size_t, const struct timespec *);
typedef int msgsnd_call(int, const void *, size_t, int);
typedef ssize_t msgrcv_call(int, void *, size_t, long, int);

/* By libc's definition, or by the first. */
static semop_call *semops[2];
static semtimedop_call *semtimedops[2];
static msgsnd_call *msgsnds[2];
static msgrcv_call *msgrcvs[2];

static int set, full, empty;

static void make_objects(void)
{
    static struct { long type; char text[100]; } filling = {.type = 1};
    struct msqid_ds state;
    set = semget(IPC_PRIVATE, 1, 0600);
    full = msgget(IPC_PRIVATE, 0600);
    empty = msgget(IPC_PRIVATE, 0600);
    CHECK(set >= 0 && full >= 0 && empty >= 0, "%s", strerror(errno));
    CHECK(msgctl(full, IPC_STAT, &state) == 0, "%s", strerror(errno));
    state.msg_qbytes = sizeof filling.text;
    CHECK(msgctl(full, IPC_SET, &state) == 0, "%s", strerror(errno));
    CHECK(msgsnd(full, &filling, sizeof filling.text, 0) == 0, "%s", strerror(errno));
}

static void remove_objects(void)
{
    /* One of them may be gone. */
    semctl(set, 0, IPC_RMID);
    msgctl(full, IPC_RMID, NULL);
    msgctl(empty, IPC_RMID, NULL);
}

/* A thread that waits in a call, and what becomes of it. */
struct waiter {
    int call, with, asynchronous;
    long seconds; /* that semtimedop waits for at most */
    pthread_t thread;
    atomic_int tid, cleaned;
    long result;
    int errno_after;
};

static void clean(void *waiter) { ((struct waiter *)waiter)->cleaned++; }

static void *wait_in_call(void *argument)
{
    struct waiter *waiter = argument;
    struct sembuf take = {0, -1, 0};
    struct timespec limit = {waiter->seconds, 1000000};
    struct { long type; char text[100]; } message = {.type = 1};
    int with = waiter->with, before;
    long result = 0;
    pthread_cleanup_push(clean, waiter);
    if (waiter->asynchronous)
        pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &before);
    waiter->tid = gettid();
    errno = 12345;
    switch (waiter->call) {
    case SEMOP: result = semops[with](set, &take, 1); break;
    case SEMTIMEDOP: result = semtimedops[with](set, &take, 1, &limit); break;
    case MSGSND: result = msgsnds[with](full, &message, sizeof message.text, 0); break;
    case MSGRCV: result = msgrcvs[with](empty, &message, sizeof message.text, 0, 0); break;
    }
    waiter->errno_after = errno;
    waiter->result = result;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    pthread_cleanup_pop(0);
    return waiter;
}

/* The first words of a file of a thread; an empty string once there is none. */
static void read_of(int tid, const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/%s", tid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : read(file, text, size - 1);
    text[length < 0 ? 0 : length] = 0;
    if (file >= 0)
        close(file);
}

/* Whether a thread waits in one of our calls. */
static int is_in_call(int tid)
{
    char text[200];
    read_of(tid, "syscall", text, sizeof text);
    long number = strncmp(text, "running", 7) == 0 || text[0] == 0 ? -1 : atol(text);
    return number == SYS_semtimedop || number == SYS_msgsnd || number == SYS_msgrcv
#ifdef SYS_semop
           || number == SYS_semop
#endif
        ;
}

static int has_signal_pending(int tid)
{
    char text[4096];
    read_of(tid, "status", text, sizeof text);
    char *line = strstr(text, "\nSigPnd:");
    return line != NULL && strtoul(line + 8, NULL, 16) != 0;
}

static void start(struct waiter *waiter)
{
    CHECK(pthread_create(&waiter->thread, NULL, wait_in_call, waiter) == 0, "no thread");
    while (waiter->tid == 0 || !is_in_call(waiter->tid))
        sched_yield();
}

/* Whether a waiter has ended by what was done to it; it may be in its call still, with no signal on its way. */
static int has_ended(struct waiter *waiter, void **result)
{
    for (;;) {
        if (pthread_tryjoin_np(waiter->thread, result) == 0)
            return 1;
        if (is_in_call(waiter->tid) && !has_signal_pending(waiter->tid) && is_in_call(waiter->tid))
            return 0;
        sched_yield();
    }
}

/* Lets a waiter's call succeed. */
static void let_on(int call)
{
    struct sembuf give = {0, 1, 0};
    struct { long type; char text[100]; } message = {.type = 1};
    if (call == MSGSND)
        CHECK(msgrcv(full, &message, sizeof message.text, 0, 0) >= 0, "%s", strerror(errno));
    else if (call == MSGRCV)
        CHECK(msgsnd(empty, &message, 1, 0) == 0, "%s", strerror(errno));
    else
        CHECK(semop(set, &give, 1) == 0, "%s", strerror(errno));
}

/* Findings of all severities. */
static unsigned long all_findings(void) { return findings(0) + findings(1) + findings(2); }

/* No lock of the library's is held by a thread that is no more: it answers, and tells. */
static void library_goes_on(void)
{
    static int site;
    unsigned long before = findings(2);
    CHECK(fail_at(site++), "a call that fails");
    CHECK(findings(2) == before + 1, "%lu errors, not one more than %lu", findings(2), before);
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && munmap(page, 4096) == 0, "%s", strerror(errno));
}

static void cancelled(int call, int asynchronous)
{
    int ended[2], cleaned[2];
    for (int with = 0; with < 2; with++) {
        make_objects();
        struct waiter waiter = {.call = call, .with = with, .asynchronous = asynchronous, .seconds = 1000};
        void *result;
        start(&waiter);
        CHECK(pthread_cancel(waiter.thread) == 0, "%s", names[call]);
        ended[with] = has_ended(&waiter, &result);
        if (!ended[with]) {
            let_on(call);
            CHECK(pthread_join(waiter.thread, &result) == 0, "%s", names[call]);
            CHECK(result == &waiter && waiter.result >= 0 && waiter.errno_after == 12345, "%s gave %ld (%s)", names[call],
                  waiter.result, strerror(waiter.errno_after));
        }
        CHECK((result == PTHREAD_CANCELED) == ended[with], "%s ended with %p", names[call], result);
        library_goes_on();
        cleaned[with] = waiter.cleaned;
        CHECK(cleaned[with] == ended[with], "%d cleanups of %s", cleaned[with], names[call]);
        remove_objects();
    }
    CHECK(ended[0] == ended[1], "%s, %s: cancelled %d by libc, %d by the library", names[call],
          asynchronous ? "asynchronous" : "deferred", ended[0], ended[1]);
    CHECK(ended[0] || !asynchronous, "a thread that may be cancelled anywhere is not, in %s", names[call]);
}

static atomic_int handled;
static void handle(int signal) { (void)signal; handled++; }

static void interrupted(int call, int flags)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = flags};
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0, "%s", strerror(errno));
    for (int with = 0; with < 2; with++) {
        make_objects();
        struct waiter waiter = {.call = call, .with = with, .seconds = 1000};
        unsigned long before = all_findings();
        int handled_before = handled;
        void *result;
        start(&waiter);
        CHECK(pthread_kill(waiter.thread, SIGUSR1) == 0, "%s", names[call]);
        CHECK(has_ended(&waiter, &result), "%s goes on after a signal", names[call]); /* signal(7): never restarted */
        CHECK(waiter.result == -1 && waiter.errno_after == EINTR && handled == handled_before + 1, "%s gave %ld (%s)", names[call],
              waiter.result, strerror(waiter.errno_after));
        CHECK(all_findings() == before, "a finding of an interrupted %s", names[call]);
        remove_objects();
    }
}

/* Two wait, and a third thread, this one, removes. */
static void removed(int call)
{
    for (int with = 0; with < 2; with++) {
        make_objects();
        struct waiter waiters[2] = {{.call = call, .with = with, .seconds = 1000}, {.call = call, .with = with, .seconds = 1000}};
        start(&waiters[0]);
        start(&waiters[1]);
        remove_objects();
        for (int i = 0; i < 2; i++) {
            CHECK(pthread_join(waiters[i].thread, NULL) == 0, "%s", names[call]);
            CHECK(waiters[i].result == -1 && waiters[i].errno_after == EIDRM, "%s gave %ld (%s)", names[call], waiters[i].result,
                  strerror(waiters[i].errno_after));
        }
    }
}

static void timed_out(void)
{
    make_objects();
    unsigned long before = all_findings();
    for (int with = 0; with < 2; with++) {
        struct waiter waiter = {.call = SEMTIMEDOP, .with = with, .seconds = 0};
        wait_in_call(&waiter);
        CHECK(waiter.result == -1 && waiter.errno_after == EAGAIN, "%ld (%s)", waiter.result, strerror(waiter.errno_after));
        pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    }
    CHECK(all_findings() == before, "a finding of a timeout");
    remove_objects();
}

/* What a process has taken with SEM_UNDO comes back however it ends. */
static void undone(int with, int way)
{
    make_objects();
    CHECK(semctl(set, 0, SETVAL, 3) == 0, "%s", strerror(errno));
    pid_t child = fork();
    if (child == 0) {
        struct sembuf take = {0, -2, SEM_UNDO};
        if (semops[with](set, &take, 1) != 0 || semctl(set, 0, GETVAL) != 1)
            _exit(1);
        if (way == 0)
            raise(SIGKILL);
        if (way == 1)
            exit(0);
        _exit(0);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && (way == 0 ? WIFSIGNALED(status) : status == 0), "status %#x", status);
    CHECK(semctl(set, 0, GETVAL) == 3, "%d is left of 3", semctl(set, 0, GETVAL));
    remove_objects();
}

/* A cancellation that is due: at once in a call that is a point of it, before a mistake in it is told. */
static void *call_wrongly(void *with)
{
    int by = with != NULL;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
    pthread_cancel(pthread_self());
    CHECK(msgsnds[by](-5, "x", 0, 0) == -1 && errno == EINVAL, "%s", strerror(errno));
    CHECK(semops[by](-5, NULL, 1) == -1 && (errno == EINVAL || errno == EFAULT), "%s", strerror(errno));
    pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
    semops[by](-6, NULL, 1);
    msgsnds[by](-6, "x", 0, 0);
    return NULL;
}

static void due(void)
{
    for (intptr_t with = 0; with < 2; with++) {
        unsigned long before = all_findings();
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, call_wrongly, (void *)with) == 0, "no thread");
        CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "it ended with %p", result);
        CHECK(all_findings() == before + (with ? 3 : 0), "%lu findings by %s", all_findings() - before, with ? "the library" : "libc");
    }
}

/* Cancelled wherever it is: in the library, while it tells a mistake, or in the kernel. glibc's own calls stand that. */
static void *fail_for_ever(void *calls)
{
    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
    for (int site = 255;; site = site > 128 ? site - 1 : 255) {
        fail_at(site);
        semop(-1, NULL, 1);
        semctl(-1, 0, GETVAL);
        ++*(atomic_ulong *)calls;
    }
    return NULL;
}

static void cancelled_anywhere(void)
{
    for (unsigned round = 0; round < 100; round++) {
        atomic_ulong calls = 0;
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, fail_for_ever, &calls) == 0, "no thread");
        while (calls < round % 10)
            sched_yield();
        for (unsigned pause = round * 7919 % 5000; pause > 0; pause--)
            atomic_signal_fence(memory_order_seq_cst);
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0, "round %u", round);
        CHECK(result == PTHREAD_CANCELED, "it ended with %p", result);
    }
    library_goes_on();
}

int main(void)
{
    char text[200];
    read_of(getpid(), "syscall", text, sizeof text);
    if (text[0] == 0)
        SKIP("/proc/PID/task/TID/syscall can't be read");
    alarm(300);
    /* What is left by a test that fails goes with it, where that may be. */
    unshare(CLONE_NEWIPC);
    void *libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    CHECK(libc != NULL, "no libc.so.6");
    semops[0] = (semop_call *)dlsym(libc, "semop"), semops[1] = semop;
    semtimedops[0] = (semtimedop_call *)dlsym(libc, "semtimedop"), semtimedops[1] = semtimedop;
    msgsnds[0] = (msgsnd_call *)dlsym(libc, "msgsnd"), msgsnds[1] = msgsnd;
    msgrcvs[0] = (msgrcv_call *)dlsym(libc, "msgrcv"), msgrcvs[1] = msgrcv;
    for (int call = 0; call < CALLS; call++) {
        cancelled(call, 0);
        cancelled(call, 1);
        interrupted(call, 0);
        interrupted(call, SA_RESTART);
        removed(call);
    }
    timed_out();
    due();
    cancelled_anywhere();
    for (int way = 0; way < 3; way++)
        for (int with = 0; with < 2; with++)
            undone(with, way);
    library_goes_on();
    return 0;
}
