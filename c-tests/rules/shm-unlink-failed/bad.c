/* A client removes the object of a server that runs as another user.
 * mapsan-vary: effective uid \d+ */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (getuid() != 0) {
        puts("needs root");
        return 77;
    }
    int made = shm_open("/mapsan-server", O_RDWR | O_CREAT | O_EXCL, 0666);
    pid_t client = made < 0 ? -1 : fork();
    if (client == 0) {
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (shm_unlink("/mapsan-server") != 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client) {
        perror("server");
        return 1;
    }
    return shm_unlink("/mapsan-server");
}
