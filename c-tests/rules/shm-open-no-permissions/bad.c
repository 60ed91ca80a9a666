/* Makes an object with mode 0, which no later open gets through. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 1;
    shm_unlink("/mapsan-none");
    int made = shm_open("/mapsan-none", O_RDWR | O_CREAT | O_EXCL, 0);
    if (made < 0) {
        perror("shm_open");
        return 1;
    }
    if (shm_open("/mapsan-none", O_RDWR, 0) < 0) /* faulty */
        perror("again");
    return shm_unlink("/mapsan-none");
}
