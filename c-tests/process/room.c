/* What the library maps for itself takes no room that a program counts on: locked memory, data, addresses, and those of
 * mappings that it has released, and its heap. Each part runs in a child of its own that has had a thread; what it prints is
 * the same with the library and without. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static const int rw = PROT_READ | PROT_WRITE;
static const int anonymous = MAP_PRIVATE | MAP_ANONYMOUS;

static void *nothing(void *argument)
{
    return argument;
}

/* One with a stack that is small beside the limits. */
static void thread(void)
{
    pthread_t started;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0 || pthread_attr_setstacksize(&attributes, 128 << 10) != 0 ||
        pthread_create(&started, &attributes, nothing, NULL) != 0 || pthread_join(started, NULL) != 0)
        exit(3);
}

/* KiB that /proc/self/status says of this process. */
static size_t used(const char *name)
{
    char line[256];
    size_t kib = 0;
    FILE *status = fopen("/proc/self/status", "r");
    while (status != NULL && fgets(line, sizeof line, status) != NULL)
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoul(line + strlen(name) + 1, NULL, 10);
    if (status != NULL)
        fclose(status);
    return kib;
}

static void limit(int resource, size_t kib)
{
    struct rlimit limit = {kib << 10, kib << 10};
    if (setrlimit(resource, &limit) != 0)
        exit(77);
}

static void tell(const char *what, int is_good)
{
    printf("%s: %s\n", what, is_good ? "good" : strerror(errno));
}

static void all_locked(void)
{
    thread();
    limit(RLIMIT_MEMLOCK, 8 << 10);
    if (getuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
        exit(3);
    tell("mlockall of what there is, 8 MiB", mlockall(MCL_CURRENT) == 0);
    tell("1 MiB more", mmap(NULL, 1 << 20, rw, anonymous | MAP_LOCKED, -1, 0) != MAP_FAILED);
}

static void future_locked(void)
{
    limit(RLIMIT_MEMLOCK, 8 << 10);
    if (getuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
        exit(3);
    tell("mlockall of what there will be, 8 MiB", mlockall(MCL_FUTURE) == 0);
    thread();
    tell("1 MiB", mmap(NULL, 1 << 20, rw, anonymous, -1, 0) != MAP_FAILED);
}

static void little_data(void)
{
    limit(RLIMIT_DATA, used("VmData") + 600);
    thread();
    tell("64 KiB of data", mmap(NULL, 64 << 10, rw, anonymous, -1, 0) != MAP_FAILED);
}

static void few_addresses(void)
{
    size_t before = used("VmSize");
    thread();
    limit(RLIMIT_AS, before + (24 << 10));
    tell("16 of 24 MiB", mmap(NULL, 16 << 20, rw, anonymous, -1, 0) != MAP_FAILED);
}

static void same_place(void)
{
    size_t size = 64 << 20;
    char *place = mmap(NULL, size, PROT_NONE, anonymous, -1, 0);
    if (place == MAP_FAILED || munmap(place, size) != 0)
        exit(3);
    thread();
    /* The stack of the thread stays there: libc keeps it. */
    tell("the place of a mapping that was released", mmap(place, size / 2, rw, anonymous | MAP_FIXED_NOREPLACE, -1, 0) == place);
}

/* Not in a child: what the program itself has as its heap. */
static void heap(void)
{
    int is_good = sbrk(1 << 30) != (void *)-1;
    /* Before anything is allocated behind it. */
    if (is_good)
        sbrk(-(1 << 30));
    tell("1 GiB of heap", is_good);
}

int main(void)
{
    void (*parts[])(void) = {all_locked, future_locked, little_data, few_addresses, same_place};
    heap();
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        fflush(stdout);
        pid_t child = fork();
        if (child == 0) {
            parts[i]();
            fflush(stdout);
            _exit(0);
        }
        int status;
        if (child < 0 || waitpid(child, &status, 0) != child)
            return 3;
        if (WIFEXITED(status) && WEXITSTATUS(status) == 77) {
            printf("SKIPPED: a limit is lower than part %zu needs, and can't be raised (as root: ulimit -l 8192)\n", i);
            return 77;
        }
        if (status != 0)
            return 3;
    }
    return 0;
}
