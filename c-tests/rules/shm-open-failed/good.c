/* Closes each descriptor. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void)
{
    struct rlimit limit = {32, 32};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    for (int round = 0; round < 40; round++) {
        int fd = shm_open("/mapsan-round", O_RDWR | O_CREAT, 0600);
        if (fd < 0) {
            perror("shm_open");
            return 1;
        }
        close(fd);
    }
    return shm_unlink("/mapsan-round");
}
