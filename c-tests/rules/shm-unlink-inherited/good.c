/* The child ends without the parent's exit handlers. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void tidy(void)
{
    shm_unlink("/mapsan-pool");
}

int main(void)
{
    int fd = shm_open("/mapsan-pool", O_CREAT | O_EXCL | O_RDWR, 0600);
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror("shm_open");
        return 1;
    }
    atexit(tidy);
    pid_t worker = fork();
    if (worker == 0)
        _exit(0);
    return waitpid(worker, NULL, 0) != worker;
}
