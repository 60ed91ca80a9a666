/* The mode is octal. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int fd = shm_open("/mapsan-mode", O_CREAT | O_RDWR, 0600);
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    return shm_unlink("/mapsan-mode");
}
