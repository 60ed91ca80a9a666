/* A client asks to write an object that its owner lets others read.
 * mapsan-vary: effective uid \d+|umask \d+ */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int made = shm_open("/mapsan-prices", O_RDWR | O_CREAT | O_EXCL, 0644);
    if (made < 0) {
        perror("server");
        return 1;
    }
    if (getuid() != 0) {
        puts("needs root");
        shm_unlink("/mapsan-prices");
        return 77;
    }
    pid_t client = fork();
    if (client == 0) {
        if (setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        if (shm_open("/mapsan-prices", O_RDWR, 0) < 0) /* faulty */
            perror("client");
        fflush(NULL);
        _exit(0);
    }
    if (client < 0 || waitpid(client, NULL, 0) != client) {
        perror("server");
        return 1;
    }
    return shm_unlink("/mapsan-prices");
}
