/* What hardened mode finds: hardened CASE PLACE. The program ends with 0 unless a guard or the quarantine stops it; in the
 * place `child` its child does, and it ends with the number of the signal. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096

static void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(70);
    }
}

static __attribute__((noinline)) char *anonymous(size_t length)
{
    char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    check(mapped != MAP_FAILED, "mmap");
    return mapped;
}

static char *file(off_t size, size_t length, int flags)
{
    int fd = open("file", O_RDWR | O_CREAT | O_TRUNC, 0600);
    check(fd >= 0 && ftruncate(fd, size) == 0, "file");
    char *mapped = mmap(NULL, length, PROT_READ | PROT_WRITE, flags, fd, 0);
    check(mapped != MAP_FAILED, "mmap");
    close(fd);
    return mapped;
}

static char *segment(size_t size)
{
    int id = shmget(IPC_PRIVATE, size, IPC_CREAT | 0600);
    char *attached = shmat(id, NULL, 0);
    shmctl(id, IPC_RMID, NULL);
    check(attached != (void *)-1, "shmat");
    return attached;
}

static void set(char *at) { *(volatile char *)at = 1; }

static void above(void) { set(anonymous(3 * PAGE) + 3 * PAGE); }
static void below(void) { set(anonymous(3 * PAGE) - 1); }
static void between(void)
{
    anonymous(PAGE);
    char *second = anonymous(PAGE);
    anonymous(PAGE);
    set(second + PAGE);
}
static void above_file(void) { set(file(PAGE, PAGE, MAP_SHARED) + PAGE); }
static void above_segment(void) { set(segment(100) + PAGE); }
static void above_moved(void)
{
    char *moved = mremap(anonymous(PAGE), PAGE, 600 * PAGE, MREMAP_MAYMOVE);
    check(moved != MAP_FAILED, "mremap");
    set(moved + 600 * PAGE);
}
static void in_quarantine(void)
{
    char *gone = anonymous(2 * PAGE);
    munmap(gone, 2 * PAGE);
    anonymous(2 * PAGE); /* would be at the same address */
    set(gone + PAGE);
}
static void segment_in_quarantine(void)
{
    char *gone = segment(100);
    shmdt(gone);
    segment(100);
    set(gone);
}
static void tail_at_munmap(void)
{
    char *mapped = anonymous(PAGE + 10);
    set(mapped + PAGE + 10);
    munmap(mapped, PAGE + 10);
}
static void tail_at_mremap(void)
{
    char *mapped = anonymous(10);
    set(mapped + 19);
    mapped = mremap(mapped, 10, 3 * PAGE, MREMAP_MAYMOVE);
    munmap(mapped, 3 * PAGE);
}
static void tail_at_shmdt(void)
{
    char *mapped = segment(100);
    set(mapped + 100);
    set(mapped + 4095);
    shmdt(mapped);
}
static void tail_at_exit(void) { set(anonymous(10) + 11); }
static void tail_replaced(void)
{
    char *mapped = anonymous(10);
    set(mapped + 10);
    mmap(mapped, PAGE, PROT_NONE, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}
static void lost_at_munmap(void)
{
    char *mapped = file(10, PAGE, MAP_SHARED);
    set(mapped + 10);
    munmap(mapped, PAGE);
}
static void lost_at_exit(void) { set(file(PAGE + 1, 2 * PAGE, MAP_SHARED) + PAGE + 100); }
static void discarded_at_munmap(void)
{
    char *mapped = file(2 * PAGE, 2 * PAGE, MAP_PRIVATE);
    set(mapped + PAGE);
    munmap(mapped, 2 * PAGE);
}
static void discarded_at_exit(void) { set(file(2 * PAGE, 2 * PAGE, MAP_PRIVATE)); }

/* Two that are too large for the holes between libraries: without guards the first lies right above the second. */
#define LARGE (2000 * PAGE)

static void unmapped_past_end(void)
{
    anonymous(LARGE);
    munmap(anonymous(LARGE), LARGE + PAGE);
}
static void unmapped_before_start(void) { munmap(anonymous(PAGE) - PAGE, 2 * PAGE); }
static void replaced_past_end(void)
{
    anonymous(LARGE);
    char *mapped = anonymous(LARGE) + LARGE - 2 * PAGE;
    mmap(mapped, 4 * PAGE, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* Calls whose length wraps are refused, and take no guard away. */
static void unmapped_after_refusals(void)
{
    char *low = (char *)(16 * PAGE);
    anonymous(LARGE);
    char *mapped = anonymous(LARGE);
    check(munmap(low, (size_t)-1) != 0, "munmap of everything succeeds");
    check(mmap(low, (size_t)-1, PROT_READ, MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED, "mmap of everything succeeds");
    munmap(mapped, LARGE + PAGE);
}

/* Nothing is wrong here. */
static void fine(void)
{
    char *mapped = anonymous(PAGE + 10);
    memset(mapped, 1, PAGE + 10);
    mapped = mremap(mapped, PAGE + 10, 10, MREMAP_MAYMOVE); /* its old contents lie past its end */
    munmap(mapped, 10);
    mapped = anonymous(3000);
    memset(mapped, 1, 3000);
    mapped = mremap(mapped, 3000, 100, MREMAP_MAYMOVE);
    mapped = mremap(mapped, 100, 200, MREMAP_MAYMOVE);
    munmap(mapped, 200);
    mapped = anonymous(10);
    mapped = mremap(mapped, 10, PAGE, MREMAP_MAYMOVE);
    memset(mapped, 1, PAGE);
    mapped = mremap(mapped, PAGE, 2 * PAGE, MREMAP_MAYMOVE);
    memset(mapped, 1, 2 * PAGE);
    munmap(mapped, PAGE);
    munmap(mapped, 2 * PAGE);
    mapped = anonymous(64 * PAGE); /* trimmed on both sides, as allocators do */
    munmap(mapped, 16 * PAGE);
    munmap(mapped + 48 * PAGE, 16 * PAGE);
    memset(mapped + 16 * PAGE, 1, 32 * PAGE);
    check(mprotect(mapped + 47 * PAGE, 2 * PAGE, PROT_READ) != 0, "mprotect past the end succeeds");
    check(mmap(mapped, 16 * PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == mapped, "mmap where it was");
    mapped = file(PAGE, PAGE, MAP_SHARED); /* longer than it was asked for, inside the file */
    memset(mapped, 1, PAGE);
    munmap(mapped, 1);
    mapped = file(10, PAGE, MAP_SHARED);
    memset(mapped, 1, 10);
    munmap(mapped, PAGE);
    mapped = file(10, PAGE, MAP_PRIVATE);
    mapped[100] = 0;
    munmap(mapped, PAGE);
    mapped = segment(100);
    memset(mapped, 1, 100);
    shmdt(mapped);
    check(shmdt(mapped) != 0, "shmdt twice succeeds");
    for (int i = 0; i < 5000; i++) { /* more than the quarantine takes */
        mapped = anonymous(3 * PAGE);
        set(mapped);
        munmap(mapped, 3 * PAGE);
    }
}

static const struct {
    const char *name;
    void (*run)(void);
} cases[] = {
    {"above", above}, {"below", below}, {"between", between}, {"above-file", above_file},
    {"above-segment", above_segment}, {"above-moved", above_moved}, {"in-quarantine", in_quarantine},
    {"segment-in-quarantine", segment_in_quarantine}, {"tail-at-munmap", tail_at_munmap},
    {"tail-at-mremap", tail_at_mremap}, {"tail-at-shmdt", tail_at_shmdt}, {"tail-at-exit", tail_at_exit},
    {"tail-replaced", tail_replaced}, {"lost-at-munmap", lost_at_munmap}, {"lost-at-exit", lost_at_exit},
    {"discarded-at-munmap", discarded_at_munmap}, {"discarded-at-exit", discarded_at_exit}, {"unmapped-past-end", unmapped_past_end},
    {"unmapped-before-start", unmapped_before_start}, {"replaced-past-end", replaced_past_end},
    {"unmapped-after-refusals", unmapped_after_refusals}, {"fine", fine},
};

static void (*chosen)(void);

static void *thread(void *unused)
{
    chosen();
    return unused;
}

static void handler(int signal)
{
    (void)signal;
    chosen();
}

int main(int count, char **words)
{
    const char *place = count > 2 ? words[2] : "";
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (count > 1 && strcmp(words[1], cases[i].name) == 0)
            chosen = cases[i].run;
    if (chosen == NULL) {
        fputs("usage: hardened CASE PLACE\n", stderr);
        return 64;
    }
    alarm(20);
    if (strcmp(place, "child") == 0) {
        pid_t child = fork();
        if (child != 0) {
            int status;
            waitpid(child, &status, 0);
            return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
        }
    }
    if (strcmp(place, "thread") == 0) {
        pthread_t other;
        check(pthread_create(&other, NULL, thread, NULL) == 0, "pthread_create");
        pthread_join(other, NULL);
    } else if (strcmp(place, "handler") == 0) {
        signal(SIGUSR1, handler);
        raise(SIGUSR1);
    } else {
        chosen();
    }
    return 0;
}
