/* The mode lacks its leading zero. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int fd = shm_open("/mapsan-mode", O_CREAT | O_RDWR, 600); /* faulty */
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    return shm_unlink("/mapsan-mode");
}
