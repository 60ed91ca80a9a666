/* R39: no write of a report raises a signal, waits for ever, or is lost in silence: files past RLIMIT_FSIZE, full disks,
 * terminals whose output is stopped, or is not read, or belongs to another job. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static volatile sig_atomic_t came;

static void count(int signal)
{
    (void)signal;
    came++;
}

/* The part under test, started anew with its descriptors as they were prepared; `limit` is that of files. */
static int covered(const char *how, rlim_t limit)
{
    struct rlimit size = {limit, limit};
    int is_limited = limit != RLIM_INFINITY;
    CHECK(!is_limited || setrlimit(RLIMIT_FSIZE, &size) == 0, "%s", strerror(errno));
    if (strcmp(how, "handler") == 0)
        signal(SIGXFSZ, count), signal(SIGTTOU, count), signal(SIGPIPE, count);
    else if (strcmp(how, "ignored") == 0)
        signal(SIGXFSZ, SIG_IGN);
    else if (strcmp(how, "pending") == 0) {
        sigset_t set;
        sigemptyset(&set), sigaddset(&set, SIGXFSZ);
        sigprocmask(SIG_BLOCK, &set, NULL), raise(SIGXFSZ);
    }
    for (int site = 0; site < 3; site++) {
        errno = 0;
        CHECK(fail_at(site) && errno == EINVAL, "errno %d", errno);
    }
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGXFSZ) == (strcmp(how, "pending") == 0), "SIGXFSZ: %s", how);
    CHECK(came == 0, "a handler was called %d times", came);
    CHECK(findings(2) + findings(1) == 3, "%lu errors, %lu warnings", findings(2), findings(1));
    return 42;
}

static char *self;

/* Starts the part under test with standard error as given. */
static pid_t start(const char *how, const char *limit, const char *options, int error)
{
    pid_t child = fork();
    if (child == 0) {
        setenv("MAPSAN_OPTIONS", options, 1);
        dup2(error, 2);
        execl("/proc/self/exe", self, how, limit, (char *)NULL);
        _exit(127);
    }
    return child;
}

static void await(pid_t child, const char *what)
{
    int status;
    CHECK(waitpid(child, &status, WUNTRACED) == child, "%s", strerror(errno));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 42, "%s: status %#x", what, status);
}

static const char *contents(int fd)
{
    static char text[1 << 16];
    ssize_t length = pread(fd, text, sizeof text - 1, 0);
    text[length < 0 ? 0 : length] = '\0';
    return text;
}

static void files(void)
{
    static const char *const hows[] = {"default", "handler", "ignored", "pending"};
    char log[] = "/tmp/mapsan-r39-XXXXXX", options[64];
    close(mkstemp(log));
    snprintf(options, sizeof options, "log_path=%s", log);
    for (unsigned how = 0; how < 4; how++) {
        int file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND, 0600), null = open("/dev/null", O_WRONLY);
        await(start(hows[how], "0", "", file), "standard error past the limit");
        await(start(hows[how], "100", "", file), "standard error that reaches the limit");
        await(start(hows[how], "0", options, null), "a log past the limit");
        int ends[2];
        CHECK(pipe(ends) == 0, "%s", strerror(errno));
        await(start(hows[how], "100", options, ends[1]), "a log that reaches the limit");
        char said[4096];
        ssize_t length = read(ends[0], said, sizeof said - 1);
        said[length < 0 ? 0 : length] = '\0';
        CHECK(strstr(said, "a finding could not be written to /tmp/mapsan-r39-") != NULL, "it says: %s", said);
        CHECK(strstr(said, "(EFBIG: ") != NULL, "it says: %s", said);
        CHECK(strstr(said, "mapsan: 3 findings could not be written") != NULL, "it says: %s", said);
        close(file), close(null), close(ends[0]), close(ends[1]);
    }
    unlink(log);
    int file = open("/tmp", O_TMPFILE | O_RDWR | O_APPEND, 0600);
    await(start("default", "-1", "log_path=/dev/full", file), "a full disk");
    CHECK(strstr(contents(file), "3 findings could not be written to /dev/full (ENOSPC: ") != NULL, "%s", contents(file));
    await(start("default", "-1", "log_format=json:log_path=/dev/full", file), "a full disk, records");
    CHECK(strstr(contents(file), "3 findings could not be written to /dev/full (ENOSPC: ") != NULL, "%s", contents(file));
    close(file);
}

/* A pseudo-terminal; the slave's side. */
static int terminal(int *master)
{
    *master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(*master >= 0 && grantpt(*master) == 0 && unlockpt(*master) == 0, "%s", strerror(errno));
    int slave = open(ptsname(*master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    CHECK(slave >= 0, "%s", strerror(errno));
    return slave;
}

static void terminals(void)
{
    int master, slave = terminal(&master);
    CHECK(tcflow(slave, TCOOFF) == 0, "%s", strerror(errno));
    await(start("default", "-1", "", slave), "a terminal whose output is stopped");
    CHECK((fcntl(slave, F_GETFL) & O_NONBLOCK) == 0, "the terminal's own flags have changed");
    CHECK(tcflow(slave, TCOON) == 0, "%s", strerror(errno));
    await(start("default", "-1", "", slave), "a terminal");
    char said[8192];
    ssize_t length = read(master, said, sizeof said - 1);
    said[length < 0 ? 0 : length] = '\0';
    CHECK(strstr(said, "mmap-zero-length") != NULL, "a terminal says: %s", said);
    /* Until nothing more goes in, by a descriptor of its own. */
    int filler = open(ptsname(master), O_WRONLY | O_NOCTTY | O_NONBLOCK);
    for (char block[4096] = {0}; write(filler, block, sizeof block) > 0;)
        ;
    await(start("default", "-1", "", slave), "a terminal that is not read");
    /* The other side, which would be a new terminal if it were opened again. */
    await(start("default", "-1", "", master), "a terminal's other side");
    close(filler), close(master), close(slave);
}

/* A job in the background of a terminal with TOSTOP. */
static void background(const char *how)
{
    int master, slave = terminal(&master);
    pid_t session = fork();
    if (session == 0) {
        setsid();
        CHECK(ioctl(slave, TIOCSCTTY, 0) == 0, "%s", strerror(errno));
        struct termios modes;
        tcgetattr(slave, &modes);
        modes.c_lflag |= TOSTOP;
        tcsetattr(slave, TCSANOW, &modes);
        pid_t job = start(how, "-1", "", slave);
        setpgid(job, job);
        await(job, "a job in the background");
        _exit(42);
    }
    await(session, "the session");
    close(master), close(slave);
}

int main(int count, char **arguments)
{
    if (count > 1)
        return covered(arguments[1], (rlim_t)atol(arguments[2]));
    self = arguments[0];
    alarm(50);
    files();
    terminals();
    background("default");
    background("handler");
    return 0;
}
