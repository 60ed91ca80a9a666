/* A process that shuts itself into an empty root, without /proc: calls are still checked, nothing false is found, and a fault
 * is still explained. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void shut_in(const char *folder)
{
    if (chroot(folder) != 0 || chdir("/") != 0)
        SKIP("chroot(2) takes a privilege: %s", strerror(errno));
    char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED && mprotect(page, 4096, PROT_READ) == 0 && munmap(page, 8192) == 0, "%s", strerror(errno));
    CHECK(findings(2) == 0 && findings(1) == 0, "%lu errors, %lu warnings", findings(2), findings(1));
    CHECK(fail_at(1) && findings(2) == 1, "%lu errors", findings(2));
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    page[5] = 1;
}

int main(void)
{
    char folder[] = "/tmp/mapsan-root-XXXXXX";
    CHECK(mkdtemp(folder) != NULL, "%s", strerror(errno));
    alarm(50);
    pid_t child = fork();
    if (child == 0) {
        shut_in(folder);
        _exit(1);
    }
    int status;
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    rmdir(folder);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
        return 77;
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "status %#x", status);
    return 0;
}
