/* The tracker from outside: what it lists is what the program has mapped, at every end of a process it is asked. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

static long (*dump)(int);
static int (*describe)(const void *, int);
static unsigned long (*check_leaks)(void);

static void *map(void)
{
    return mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* What a function of the C API writes. */
static char *text_of(const void *address)
{
    static char text[8192];
    int fd = memfd_create("text", 0);
    if (address != NULL)
        describe(address, fd);
    else
        dump(fd);
    text[pread(fd, text, sizeof text - 1, 0)] = 0;
    close(fd);
    return text;
}

static int has(const char *text, const void *start, size_t length, const char *more)
{
    char range[64];
    snprintf(range, sizeof range, "%p-%p", start, (const char *)start + length);
    const char *there = strstr(text, range);
    return there != NULL && strstr(there, more) != NULL;
}

static void child_leaks(void (*leave)(int))
{
    pid_t child = fork();
    if (child == 0) {
        CHECK(check_leaks() == 0, "what the parent mapped is no leak of the child");
        map();
        leave(0);
    }
    int status;
    waitpid(child, &status, 0);
    /* MAPSAN_OPTIONS: the note counts for nobody, so the status is the child's own. */
    CHECK(status == 0, "status %#x", (unsigned)status);
}

static void *leave_in_thread(void *unused) { exit((int)(long)unused); }

static void exit_in_thread(int status)
{
    pthread_t thread;
    pthread_create(&thread, NULL, leave_in_thread, (void *)(long)status);
    pthread_join(thread, NULL);
}

int main(void)
{
    alarm(50);
    dump = (long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_dump_mappings");
    describe = (int (*)(const void *, int))dlsym(RTLD_DEFAULT, "mapsan_describe_address");
    check_leaks = (unsigned long (*)(void))dlsym(RTLD_DEFAULT, "mapsan_check_leaks");
    CHECK(dump && describe && check_leaks, "the C API is not there");

    char *p = map();
    CHECK(has(text_of(NULL), p, 3 * PAGE, "rw- anonymous, mmap of 12288 bytes at "), "%s", text_of(NULL));
    CHECK(describe(p + 5000, open("/dev/null", O_WRONLY)) == 1, "not mapped");
    CHECK(strstr(text_of(p + 5000), "is 5000 bytes into ") != NULL, "%s", text_of(p + 5000));
    mprotect(p + PAGE, PAGE, PROT_READ);
    CHECK(has(text_of(NULL), p + PAGE, PAGE, "r-- anonymous"), "%s", text_of(NULL));
    mprotect(p + PAGE, PAGE, PROT_READ | PROT_WRITE);
    CHECK(has(text_of(NULL), p, 3 * PAGE, "rw- anonymous"), "pieces were not joined: %s", text_of(NULL));
    munmap(p + PAGE, PAGE);
    CHECK(strstr(text_of(p + PAGE), "is not mapped") != NULL && strstr(text_of(p + PAGE), "released by munmap at ") != NULL,
          "%s", text_of(p + PAGE));
    CHECK(has(text_of(NULL), p, PAGE, "rw-") && has(text_of(NULL), p + 2 * PAGE, PAGE, "rw-"), "%s", text_of(NULL));

    /* A child of vfork shares the memory: what it maps is mapped here, too, and its end is not ours. */
    static char *shared;
    pid_t child = vfork();
    if (child == 0) {
        shared = map();
        _exit(0);
    }
    waitpid(child, NULL, 0);
    CHECK(has(text_of(NULL), shared, 3 * PAGE, "rw-"), "%s", text_of(NULL));
    CHECK(munmap(shared, 3 * PAGE) == 0, "%m");

    unsigned long notes = findings(0);
    CHECK(check_leaks() == 1 && findings(0) == notes + 1, "one site, one note");
    CHECK(check_leaks() == 0, "told once");

    child_leaks(_exit);
    child_leaks(exit);
    child_leaks(quick_exit);
    child_leaks(exit_in_thread);
    return 0;
}
