/* Calls that open: arguments, values, errno and cancellation as without the library, and a -1 in mmap is led back to the
 * call of this thread that failed last, unless it has opened something since. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <mapsan.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

extern int __open_2(const char *path, int flags);
extern int __open64_2(const char *path, int flags);
extern int __openat_2(int folder, const char *path, int flags);
extern int __openat64_2(int folder, const char *path, int flags);

static char folder[] = "/tmp/mapsan-openings-XXXXXX";

/* A path in the folder of this test. */
static const char *in(const char *name)
{
    static char paths[8][128];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", folder, name);
    return path;
}

/* Whether the last finding is of mmap-bad-fd and says this. */
static void expect_of(const char *rule, const char *text, const char *file, int line)
{
    int (*last)(mapsan_finding *) = (int (*)(mapsan_finding *))dlsym(RTLD_DEFAULT, "mapsan_last_finding");
    mapsan_finding found;
    CHECK(last != NULL && last(&found) == 1, "%s:%d: no finding", file, line);
    CHECK(strcmp(found.rule, rule) == 0 && strstr(found.message, text) != NULL, "%s:%d: %s: %s, not %s", file, line,
          found.rule, found.message, text);
}

static void expect(const char *text, const char *file, int line) { expect_of("mmap-bad-fd", text, file, line); }

/* Maps what an open gave, which is -1; each use is a call site of its own. */
#define MAP_FAILS(fd, text)                                                                                            \
    do {                                                                                                               \
        CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF, "errno %d", errno);      \
        expect(text, __FILE__, __LINE__);                                                                              \
    } while (0)

static void has_mode(int fd, unsigned mode)
{
    struct stat status;
    CHECK(fd >= 0 && fstat(fd, &status) == 0 && (status.st_mode & 07777) == mode, "fd %d, mode %o, not %o", fd,
          status.st_mode & 07777, mode);
    close(fd);
}

static void arguments_pass(void)
{
    umask(0);
    errno = 12345;
    has_mode(open(in("one"), O_CREAT | O_EXCL | O_RDWR, 0641), 0641);
    has_mode(open64(in("two"), O_CREAT | O_EXCL | O_RDWR, 0642), 0642);
    has_mode(openat(AT_FDCWD, in("three"), O_CREAT | O_EXCL | O_RDWR, 0643), 0643);
    has_mode(openat64(AT_FDCWD, in("four"), O_CREAT | O_EXCL | O_RDWR, 0644), 0644);
    has_mode(creat(in("five"), 0645), 0645);
    has_mode(creat64(in("six"), 0646), 0646);
    has_mode(__open_2(in("one"), O_RDONLY), 0641);
    has_mode(__open64_2(in("two"), O_RDONLY), 0642);
    has_mode(__openat_2(AT_FDCWD, in("three"), O_RDONLY), 0643);
    has_mode(__openat64_2(AT_FDCWD, in("four"), O_RDONLY), 0644);
    int memory = memfd_create("text", MFD_CLOEXEC);
    CHECK(memory >= 0 && fcntl(memory, F_GETFD) == FD_CLOEXEC, "%d", memory);
    close(memory);
    CHECK(errno == 12345, "errno %d after successes", errno);
    const char *names[] = {"one", "two", "three", "four", "five", "six"};
    for (int i = 0; i < 6; i++)
        unlink(in(names[i]));
}

static void *fails_elsewhere(void *unused)
{
    (void)unused;
    CHECK(open("/no/such/file/of/another/thread", O_RDONLY) == -1 && errno == ENOENT, "errno %d", errno);
    return NULL;
}

static void failures_are_named(void)
{
    MAP_FAILS(-1, "MAP_ANONYMOUS is missing");
    int fd = open(in("none"), O_RDONLY);
    CHECK(fd == -1 && errno == ENOENT, "errno %d", errno);
    MAP_FAILS(fd, "/none\") failed with ENOENT");
    MAP_FAILS(openat64(AT_FDCWD, in("none"), O_RDONLY), "openat(\"");
    MAP_FAILS(__open_2("", O_RDONLY), "open failed with ENOENT");
    MAP_FAILS(open((char *)8, O_RDONLY), "open failed with EFAULT");
    MAP_FAILS(creat(folder, 0600), "failed with EISDIR");
    MAP_FAILS(shm_open("/mapsan/no/object", O_RDWR, 0), "shm_open(\"/mapsan/no/object\") failed with E");
    MAP_FAILS(memfd_create("text", 1u << 30), "memfd_create(\"text\") failed with EINVAL");
    char name[5000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    MAP_FAILS(open(name, O_RDONLY), "xxx...\") failed with ENAMETOOLONG");
    fd = open("/dev/null", O_RDONLY);
    CHECK(fd >= 0 && close(fd) == 0, "errno %d", errno);
    MAP_FAILS(-1, "MAP_ANONYMOUS is missing");
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, fails_elsewhere, NULL) == 0 && pthread_join(thread, NULL) == 0, "no thread");
    MAP_FAILS(-1, "MAP_ANONYMOUS is missing");
    MAP_FAILS(-ENOENT, "descriptor -2 is negative");
    CHECK(mmap(NULL, 4096, MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ | PROT_WRITE, -1, 0) == MAP_FAILED, "mapped");
    expect("prot and flags are swapped", __FILE__, __LINE__);
}

/* Whatever the kernel makes of the two: it refuses the descriptor, the type or the access, or maps it. */
static void swapped_arguments_are_named(void)
{
    const int rw = PROT_READ | PROT_WRITE;
    int fd = open(in("swapped"), O_RDWR | O_CREAT, 0600), reads = open(in("swapped"), O_RDONLY);
    CHECK(fd >= 0 && reads >= 0 && ftruncate(fd, 4096) == 0, "errno %d", errno);
    const struct {
        int prot, flags, fd;
        const char *rule, *text;
    } calls[] = {
        {MAP_PRIVATE, rw, reads, "mmap-fd-not-writable", "look swapped: flags is 3, which is PROT_READ|PROT_WRITE, and prot is 2"},
        {MAP_SHARED, PROT_READ | PROT_EXEC, fd, "mmap-no-sharing", "look swapped: flags is 5, which is PROT_READ|PROT_EXEC"},
        {MAP_SHARED | MAP_POPULATE, rw, fd, "mmap-both-sharing", "are swapped: prot is MAP_SHARED|MAP_POPULATE"},
        {MAP_PRIVATE | MAP_ANONYMOUS, rw, open("/dev/null", O_RDWR), "mmap-not-mappable", "are swapped: prot is MAP_PRIVATE"},
        {MAP_PRIVATE | MAP_ANONYMOUS, PROT_NONE, fd, "mmap-no-sharing", "are swapped: prot is MAP_PRIVATE|MAP_ANONYMOUS"},
        {MAP_PRIVATE | MAP_ANONYMOUS, PROT_READ, -1, "mmap-bad-fd", "are swapped: prot is MAP_PRIVATE|MAP_ANONYMOUS"},
        {MAP_SHARED, rw, -1, "mmap-bad-fd", "descriptor -1 is not open"},
        {PROT_READ, 0, fd, "mmap-no-sharing", "the flags have none of MAP_SHARED, MAP_PRIVATE"},
        {PROT_WRITE, MAP_SHARED, reads, "mmap-fd-not-writable", "was opened with O_RDONLY, and MAP_SHARED with PROT_WRITE"},
        {rw, MAP_SHARED | MAP_PRIVATE, fd, "mmap-both-sharing", "MAP_SHARED|MAP_PRIVATE is MAP_SHARED_VALIDATE"},
    };
    /* The same rule at the same place is told once. */
#define NOW(i) \
    mmap(NULL, 4096, calls[i].prot, calls[i].flags, calls[i].fd, 0), \
        expect_of(calls[i].rule, calls[i].text, __FILE__, __LINE__)
    NOW(0), NOW(1), NOW(2), NOW(3), NOW(4), NOW(5), NOW(6), NOW(7), NOW(8), NOW(9);
    unlink(in("swapped"));
}

/* A folder that this user may not search, told by the finding's text. */
static void a_refusing_folder_is_named(void)
{
    CHECK(chmod(folder, 0755) == 0 && mkdir(in("closed"), 0700) == 0, "errno %d", errno);
    int pipes[2];
    CHECK(pipe(pipes) == 0, "errno %d", errno);
    pid_t child = fork();
    if (child == 0) {
        dup2(pipes[1], 2);
        char *arguments[] = {"openings", "refused", (char *)in("closed/file"), NULL};
        setenv("MAPSAN_OPTIONS", "", 1);
        execv("/proc/self/exe", arguments);
        _exit(1);
    }
    close(pipes[1]);
    static char text[8192];
    size_t length = 0;
    ssize_t got;
    while ((got = read(pipes[0], text + length, sizeof text - 1 - length)) > 0)
        length += (size_t)got;
    close(pipes[0]);
    if (getuid() == 0) {
        CHECK(strstr(text, "/closed/file\") failed with EACCES") != NULL, "%s", text);
        CHECK(strstr(text, "/closed' may not be searched: mode 0700, owner 0, group 0; this process has user 65534") != NULL,
              "%s", text);
        CHECK(strstr(text, "create") == NULL, "%s", text);
    }
    rmdir(in("closed"));
}

static int cleaned;
static void clean(void *unused) { (void)unused; cleaned++; }

/* Waits for a writer that never comes. */
static void *opens_for_ever(void *at)
{
    pthread_cleanup_push(clean, NULL);
    if (at == NULL)
        open(in("pipe"), O_RDONLY);
    else
        openat(AT_FDCWD, in("pipe"), O_RDONLY);
    pthread_cleanup_pop(0);
    return NULL;
}

static void a_thread_can_be_cancelled(void)
{
    CHECK(mkfifo(in("pipe"), 0600) == 0, "errno %d", errno);
    for (int i = 0; i < 20; i++) {
        pthread_t thread;
        void *result;
        CHECK(pthread_create(&thread, NULL, opens_for_ever, i % 2 ? &cleaned : NULL) == 0, "no thread");
        CHECK(pthread_cancel(thread) == 0 && pthread_join(thread, &result) == 0, "not joined");
        CHECK(result == PTHREAD_CANCELED, "the thread returned %p", result);
    }
    CHECK(cleaned > 0, "no cleanup ran");
    unlink(in("pipe"));
}

int main(int count, char **arguments)
{
    alarm(50);
    if (count == 3) {
        /* Here, not before exec: another user may not be able to read the library where it was built. */
        if (getuid() == 0 && (setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0))
            return 1;
        mmap(NULL, 4096, PROT_READ, MAP_SHARED, open(arguments[2], O_RDONLY), 0);
        return 0;
    }
    CHECK(mkdtemp(folder) != NULL, "errno %d", errno);
    findings(0);
    arguments_pass();
    failures_are_named();
    swapped_arguments_are_named();
    a_refusing_folder_is_named();
    a_thread_can_be_cancelled();
    rmdir(folder);
    return 0;
}
