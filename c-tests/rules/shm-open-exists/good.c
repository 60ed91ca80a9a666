/* Removes what an earlier run may have left, and makes its object then. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    shm_unlink("/mapsan-pool");
    int fd = shm_open("/mapsan-pool", O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    close(fd);
    return shm_unlink("/mapsan-pool");
}
