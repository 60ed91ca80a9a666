/* mapsan: enable=portability */
/* The name lacks its slash. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    int fd = shm_open("mapsan-plain", O_CREAT | O_RDWR, 0600); /* faulty */
    if (fd < 0) {
        perror("shm_open");
        return 1;
    }
    return shm_unlink("mapsan-plain");
}
