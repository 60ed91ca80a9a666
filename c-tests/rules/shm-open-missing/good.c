/* Both sides take the name from one place. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static const char name[] = "/mapsan-board";

int main(void)
{
    int made = shm_open(name, O_RDWR | O_CREAT | O_EXCL, 0600);
    int fd = shm_open(name, O_RDWR, 0);
    if (made < 0 || fd < 0) {
        perror(name);
        return 1;
    }
    close(fd);
    close(made);
    return shm_unlink(name);
}
