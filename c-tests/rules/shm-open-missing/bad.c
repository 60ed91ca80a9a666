/* Opens a board by a name that is written with another letter where it is made. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    int made = shm_open("/mapsan-board", O_RDWR | O_CREAT | O_EXCL, 0600);
    if (made < 0) {
        perror("shm_open");
        return 1;
    }
    int fd = shm_open("/mapsan-bord", O_RDWR, 0); /* faulty */
    if (fd < 0)
        perror("reader");
    close(made);
    return shm_unlink("/mapsan-board");
}
