/* mapsan: leaks=0 */
/* Makes its set anew though an earlier run has left one.
 * mapsan-vary: ipcrm -. \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    pid_t earlier = fork();
    if (earlier == 0)
        _exit(semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0600) < 0);
    if (earlier < 0 || waitpid(earlier, NULL, 0) != earlier)
        return 1;
    if (semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0600) < 0) /* faulty */
        perror("semget");
    return semctl(semget(0x4d53, 1, 0600), 0, IPC_RMID);
}
