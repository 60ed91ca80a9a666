/* A client asks to write a set that its mode lets others read.
 * mapsan-vary: effective uid \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int made = semget(0x4d53, 1, IPC_CREAT | IPC_EXCL | 0400);
    pid_t client = made < 0 ? -1 : fork();
    if (client == 0) {
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (semget(0x4d53, 1, 0600) < 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client)
        return 1;
    return semctl(made, 0, IPC_RMID);
}
