/* R9: no descriptor is open between findings; the program closes every descriptor and reuses the numbers, uses them all
 * up, moves the log away, shuts its own way to it; what is found later still goes to the log, and not a byte into the
 * program's files. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static off_t size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

/* How many descriptors there are, and the highest. */
static int descriptors(int *highest)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = 0;
    *highest = -1;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(folder))
            continue;
        count++;
        *highest = fd > *highest ? fd : *highest;
    }
    closedir(folder);
    return count;
}

/* A child that shuts the way to the log: what it finds is in there all the same. */
static void shut(int site, const char *what, int (*way)(void))
{
    int log = open("log", O_RDONLY | O_CLOEXEC);
    off_t before = size("log");
    pid_t child = fork();
    if (child == 0) {
        if (way() != 0)
            _exit(77);
        fail_at(site);
        struct stat status;
        _exit(fstat(log, &status) == 0 && status.st_size > before ? 0 : 1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    close(log);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return; /* it takes a privilege */
    CHECK(status == 0, "%s: status %#x, nothing was written", what, status);
}

static int another_root(void)
{
    return chroot("root") != 0 || chdir("/") != 0;
}

static int another_user(void)
{
    return setuid(65534);
}

static int another_effective_user(void)
{
    return seteuid(65534);
}

/* All numbers are used up: a finding still goes to the log, and nothing else changes. */
static void use_up(void)
{
    struct rlimit before, few = {32, 32};
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0, "%s", strerror(errno));
    few.rlim_max = before.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &few) == 0, "%s", strerror(errno));
    while (dup(0) >= 0)
        ;
    off_t there = size("log");
    fail_at(3);
    CHECK(size("log") > there, "nothing was written without a free descriptor");
    CHECK(dup(0) < 0 && errno == EMFILE, "a descriptor is free: %s", strerror(errno));
    CHECK(waitpid(-1, NULL, __WALL) < 0 && errno == ECHILD, "there is a child: %s", strerror(errno));
    close_range(3, ~0u, 0);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0, "%s", strerror(errno));
}

/* The part under test, started anew with a log of its own. */
static int covered(void)
{
    int highest;
    CHECK(descriptors(&highest) == 3 && highest == 2, "descriptor %d is open at start", highest);
    fail_at(0);
    CHECK(size("log") > 0, "nothing was written at once");
    CHECK(descriptors(&highest) == 3 && highest == 2, "descriptor %d is open after a finding", highest);
    shut(4, "chroot", another_root);
    shut(5, "setuid", another_user);
    shut(6, "seteuid", another_effective_user);
    use_up();
    CHECK(close_range(3, ~0u, 0) == 0, "close_range: %s", strerror(errno));
    for (int fd = open("data", O_RDWR | O_CREAT, 0600); fd >= 0 && fd < 1023;)
        fd = dup(fd); /* every number that the log may have had */
    off_t before = size("log");
    fail_at(1);
    CHECK(size("data") == 0, "%ld bytes went into the program's file", (long)size("data"));
    CHECK(size("log") > before, "the log was not opened again");
    before = size("log");
    CHECK(rename("log", "log.old") == 0, "rename: %s", strerror(errno));
    fail_at(2);
    CHECK(size("log.old") == before && size("log") > 0, "a log that was moved is begun anew");
    return 0;
}

int main(int count, char **arguments)
{
    if (count > 1)
        return covered();
    char directory[] = "/tmp/mapsan-r09-XXXXXX";
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    CHECK(length > 0 && mkdtemp(directory) != NULL && chdir(directory) == 0, "%s", strerror(errno));
    CHECK(mkdir("root", 0755) == 0, "%s", strerror(errno));
    self[length] = '\0';
    pid_t child = fork();
    if (child == 0) {
        setenv("MAPSAN_OPTIONS", "log_path=log", 1);
        close_range(3, ~0u, 0);
        execl(self, arguments[0], "covered", (char *)NULL);
        _exit(127);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0, "status %#x", status);
    unlink("log"), unlink("log.old"), unlink("data"), rmdir("root"), rmdir(directory);
    return 0;
}
