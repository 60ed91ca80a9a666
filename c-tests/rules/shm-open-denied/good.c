/* A client that reads asks for no more. */
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
    pid_t client = fork();
    if (client == 0) {
        if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
            _exit(1);
        _exit(shm_open("/mapsan-prices", O_RDONLY, 0) < 0);
    }
    int status = 1;
    if (client < 0 || waitpid(client, &status, 0) != client || status != 0)
        perror("client");
    return shm_unlink("/mapsan-prices") != 0 || status != 0;
}
