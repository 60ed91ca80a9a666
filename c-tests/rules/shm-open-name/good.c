/* A name is one part, with a slash at its start. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = shm_open("/mapsan-index-human", O_RDWR | O_CREAT, 0600);
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    close(fd);
    return shm_unlink("/mapsan-index-human");
}
