/* A client asks to write a queue that its mode lets others read.
 * mapsan-vary: effective uid \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int made = msgget(0x4d53, IPC_CREAT | IPC_EXCL | 0400);
    pid_t client = made < 0 ? -1 : fork();
    if (client == 0) {
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (msgget(0x4d53, 0600) < 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client)
        return 1;
    return msgctl(made, IPC_RMID, NULL);
}
