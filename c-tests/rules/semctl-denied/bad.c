/* A client removes the set of a server that runs as another user.
 * mapsan-vary: effective uid \d+|needs uid \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/sem.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int made = semget(IPC_PRIVATE, 1, IPC_CREAT | 0666);
    if (made < 0 || getuid() != 0) {
        puts("needs root");
        return 77;
    }
    pid_t client = fork();
    if (client == 0) {
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (semctl(made, 0, IPC_RMID) != 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client)
        return 1;
    return semctl(made, 0, IPC_RMID);
}
