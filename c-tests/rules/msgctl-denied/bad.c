/* A client removes the queue of a server that runs as another user.
 * mapsan-vary: effective uid \d+|needs uid \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int made = msgget(IPC_PRIVATE, IPC_CREAT | 0666);
    if (made < 0 || getuid() != 0) {
        puts("needs root");
        return 77;
    }
    pid_t client = fork();
    if (client == 0) {
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (msgctl(made, IPC_RMID, NULL) != 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client)
        return 1;
    return msgctl(made, IPC_RMID, NULL);
}
