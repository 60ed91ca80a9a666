/* mapsan: leaks=0 */
/* Never removes its sets, until the system has no number left for one more. */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>

/* Lowers the limit to four, in an IPC namespace of its own. */
static int lower_limit(void)
{
    if (unshare(CLONE_NEWIPC) != 0)
        return 0;
    FILE *limit = fopen("/proc/sys/kernel/sem", "w");
    return limit != NULL && fputs("32000 1024000000 500 4", limit) >= 0 && fclose(limit) == 0;
}

int main(void)
{
    if (!lower_limit()) {
        puts("kernel.sem can't be lowered here: that takes root");
        return 77;
    }
    for (int made = 0; made < 5; made++)
        if (semget(IPC_PRIVATE, 1, IPC_CREAT | 0600) < 0) /* faulty */
            perror("semget");
    return 0;
}
