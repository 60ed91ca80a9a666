/* Passes the path of a file where a name is wanted. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int fd = shm_open("/data/index/human", O_RDWR | O_CREAT, 0600); /* faulty */
    if (fd < 0) {
        perror("shm_open");
        return 0;
    }
    close(fd);
    return 1;
}
