/*
 * The ways to start a program do what they do without the library: arguments and environment arrive, failures come back with
 * their errno, bad pointers are the kernel's business, and a child of vfork(2), which runs in its parent's memory, harms
 * nobody. With arguments it is the program that is started, and judges what it got.
 */
#define _GNU_SOURCE
#include "check.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static char *own = "/proc/self/exe";
static char path[4096];
static char *name; /* without its folder, which is in PATH */

/* Nine of them: more than there are registers. */
#define ARGUMENTS "name", "1", "2", "3", "4", "5", "6", "7", "8"
static char *arguments[] = {ARGUMENTS, NULL};

static int judge(int count, char **given)
{
    const char *word = getenv("WORD");
    for (int i = 0; i < 9; i++)
        if (i >= count || strcmp(given[i], arguments[i]) != 0)
            return 10 + i;
    return count == 9 && word != NULL ? atoi(word) : 9;
}

static void by_execve(char **other) { execve(path, arguments, other); }
static void by_execv(char **other) { (void)other; execv(path, arguments); }
static void by_execvp(char **other) { (void)other; execvp(name, arguments); }
static void by_execvpe(char **other) { execvpe(name, arguments, other); }
static void by_execl(char **other) { (void)other; execl(path, ARGUMENTS, (char *)NULL); }
static void by_execlp(char **other) { (void)other; execlp(name, ARGUMENTS, (char *)NULL); }
static void by_execle(char **other) { execle(path, ARGUMENTS, (char *)NULL, other); }
static void by_fexecve(char **other) { fexecve(open(path, O_RDONLY | O_CLOEXEC), arguments, other); }
static void by_execveat(char **other) { execveat(AT_FDCWD, path, arguments, other, 0); }
static void by_execveat_fd(char **other) { execveat(open(path, O_RDONLY | O_CLOEXEC), "", arguments, other, AT_EMPTY_PATH); }
static void by_syscall(char **other) { syscall(SYS_execve, path, arguments, other); }
static void by_syscall_fd(char **other)
{
    syscall(SYS_execveat, open(path, O_RDONLY | O_CLOEXEC), "", arguments, other, AT_EMPTY_PATH);
}

static const struct {
    const char *name;
    void (*start)(char **);
    int word; /* of the environment that it hands on */
} ways[] = {
    {"execve", by_execve, 2},     {"execv", by_execv, 1},     {"execvp", by_execvp, 1},   {"execvpe", by_execvpe, 2},
    {"execl", by_execl, 1},       {"execlp", by_execlp, 1},   {"execle", by_execle, 2},   {"fexecve", by_fexecve, 2},
    {"execveat", by_execveat, 2}, {"execveat with a descriptor", by_execveat_fd, 2},
    {"syscall(SYS_execve)", by_syscall, 2}, {"syscall(SYS_execveat) with a descriptor", by_syscall_fd, 2},
};

static int ended(pid_t child)
{
    int status;
    CHECK(waitpid(child, &status, 0) > 0, "the child can be waited for");
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void programs_start(char **other)
{
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        pid_t child = fork();
        if (child == 0) {
            ways[i].start(other);
            _exit(100);
        }
        int status = ended(child);
        CHECK(status == ways[i].word, "%s after fork: %d", ways[i].name, status);
        child = vfork();
        if (child == 0) {
            ways[i].start(other);
            _exit(100);
        }
        status = ended(child);
        CHECK(status == ways[i].word, "%s after vfork: %d", ways[i].name, status);
    }
    for (int by_name = 0; by_name <= 1; by_name++)
        for (int with_pid = 0; with_pid <= 1; with_pid++) {
            pid_t child = -1;
            int (*spawn)(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                         char *const[]) = by_name ? posix_spawnp : posix_spawn;
            int error = spawn(with_pid ? &child : NULL, by_name ? name : path, NULL, NULL, arguments, other);
            CHECK(error == 0, "%s", strerror(error));
            int status = ended(with_pid ? child : -1);
            CHECK(status == 2, "posix_spawn: %d", status);
        }
}

static void failures_come_back(char **other)
{
    char *missing = "/no/such/program", *volatile nowhere = (char *)16;
    for (int vforked = 0; vforked <= 1; vforked++) {
        pid_t child = vforked ? vfork() : fork();
        if (child == 0) {
            if (execve(missing, arguments, other) != -1 || errno != ENOENT) _exit(1);
            if (execvp("no-such-program", arguments) != -1 || errno != ENOENT) _exit(2);
            if (execl("/etc", ARGUMENTS, (char *)NULL) != -1 || errno != EACCES) _exit(3);
            if (execve(nowhere, arguments, other) != -1 || errno != EFAULT) _exit(4);
            if (execve(path, (char **)nowhere, other) != -1 || errno != EFAULT) _exit(5);
            if (execve(path, arguments, (char **)nowhere) != -1 || errno != EFAULT) _exit(6);
            char *bad[] = {nowhere, NULL};
            if (execve(path, arguments, bad) != -1 || errno != EFAULT) _exit(7);
            if (fexecve(-1, arguments, other) != -1 || (errno != EBADF && errno != EINVAL)) _exit(8);
            _exit(0);
        }
        int status = ended(child);
        CHECK(status == 0, "failure %d, %s", status, vforked ? "vfork" : "fork");
    }
    pid_t child;
    int error = posix_spawn(&child, missing, NULL, NULL, arguments, other);
    CHECK(error == ENOENT, "%d", error);
}

static void shells_run(void)
{
    CHECK(system(NULL) != 0, "there is a shell");
    CHECK(WEXITSTATUS(system("exit 5")) == 5, "system");
    FILE *out = popen("echo $WORD", "r");
    char line[16] = "";
    CHECK(out != NULL && fgets(line, sizeof line, out) != NULL && strcmp(line, "1\n") == 0, "popen: %s", line);
    CHECK(pclose(out) == 0, "pclose");
    unsetenv("LD_PRELOAD");
    CHECK(WEXITSTATUS(system("exit 6")) == 6, "system");
    out = popen("exit 7", "r");
    CHECK(out != NULL && WEXITSTATUS(pclose(out)) == 7, "popen");
}

int main(int count, char **given)
{
    if (count > 1)
        return judge(count, given);
    ssize_t length = readlink(own, path, sizeof path - 1);
    CHECK(length > 0, "the executable has a path");
    name = strrchr(path, '/') + 1;
    char folders[8192];
    snprintf(folders, sizeof folders, "%.*s:%s", (int)(name - path), path, getenv("PATH"));
    setenv("PATH", folders, 1);
    setenv("WORD", "1", 1);
    char preload[4200] = "X=", options[4200] = "Y=";
    if (getenv("LD_PRELOAD") != NULL) snprintf(preload, sizeof preload, "LD_PRELOAD=%s", getenv("LD_PRELOAD"));
    if (getenv("MAPSAN_OPTIONS") != NULL) snprintf(options, sizeof options, "MAPSAN_OPTIONS=%s", getenv("MAPSAN_OPTIONS"));
    char *other[] = {"WORD=2", preload, options, NULL};
    programs_start(other);
    failures_come_back(other);
    /* The parent is as it was: it maps, and its reports work. */
    CHECK(munmap((void *)4096, 0) == -1 && errno == EINVAL, "%d", errno);
    shells_run();
    char *without[] = {"WORD=2", NULL};
    programs_start(without);
    return 0;
}
