/* Removes an object that may be there: that it is not is no failure. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

int main(void)
{
    shm_unlink("/mapsan-server");
    int made = shm_open("/mapsan-server", O_RDWR | O_CREAT | O_EXCL, 0666);
    if (made < 0) {
        perror("server");
        return 1;
    }
    return shm_unlink("/mapsan-server");
}
