/* R5: a signal handler makes calls, failing ones too, while its thread may be inside a report. */
#define _GNU_SOURCE
#include "check.h"
#include "sites.h"
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

static volatile sig_atomic_t handled, wrong;

static void handler(int signal)
{
    (void)signal;
    int before = errno;
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED || munmap(page, 4096) != 0)
        wrong++;
    errno = 0;
    if (munmap((void *)1, 1) != -1 || errno != EINVAL)
        wrong++;
    handled++;
    errno = before;
}

int main(void)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 50}, {0, 50}};
    alarm(50);
    sigaction(SIGPROF, &action, NULL);
    setitimer(ITIMER_PROF, &often, NULL);
    for (int round = 0; round < 2000 || handled < 3; round++)
        for (int site = 0; site < 256; site++) {
            errno = 0;
            CHECK(fail_at(site) && errno == EINVAL, "site %d, errno %d", site, errno);
        }
    CHECK(wrong == 0, "%d calls of the handler went wrong", (int)wrong);
    CHECK(findings(2) == 257, "%lu errors of 256 sites and the handler's", findings(2));
    return 0;
}
