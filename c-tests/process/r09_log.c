/* R9: the program closes every descriptor and reuses the numbers; what is found later still goes to the log, and
 * not a byte into the program's files. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static off_t size(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

/* The part under test, started anew with a log of its own. */
static int covered(void)
{
    fail_at(0);
    CHECK(size("log") > 0, "nothing was written at once");
    CHECK(fcntl(3, F_GETFD) < 0, "descriptor 3 is taken: programs count on the lowest free numbers");
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
    CHECK(size("log.old") > before, "a log that was moved is written on");
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
    unlink("log"), unlink("log.old"), unlink("data"), rmdir(directory);
    return 0;
}
