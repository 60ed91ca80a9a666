/* Never removes its segments, until the system has no number left for one more. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

/* Lowers the limit to four, in an IPC namespace that is ours alone. */
static int lower_limit(void)
{
    char own[64] = "", first[64] = "";
    if (readlink("/proc/self/ns/ipc", own, sizeof own - 1) < 0 ||
        readlink("/proc/1/ns/ipc", first, sizeof first - 1) < 0 || strcmp(own, first) == 0)
        return 0;
    FILE *limit = fopen("/proc/sys/kernel/shmmni", "w");
    return limit != NULL && fputs("4", limit) >= 0 && fclose(limit) == 0;
}

int main(void)
{
    if (!lower_limit()) {
        puts("kernel.shmmni can't be lowered here: that takes root and an IPC namespace of one's own");
        return 77;
    }
    for (int made = 0; made < 5; made++)
        if (shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600) < 0) /* faulty */
            perror("shmget");
    return EXIT_SUCCESS;
}
