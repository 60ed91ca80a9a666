/* Opens an object in a loop without closing the last one, until no descriptor is left. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

int main(void)
{
    struct rlimit limit = {32, 32};
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 1;
    for (int round = 0; round < 40; round++) {
        if (shm_open("/mapsan-round", O_RDWR | O_CREAT, 0600) < 0) { /* faulty */
            perror("shm_open");
            break;
        }
    }
    return shm_unlink("/mapsan-round");
}
