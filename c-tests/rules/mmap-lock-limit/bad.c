/* Keeps its keys out of swap, and more of them than RLIMIT_MEMLOCK lets an ordinary user lock. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

int main(void)
{
    struct rlimit limit = {65536, 65536};
    if (setrlimit(RLIMIT_MEMLOCK, &limit) != 0 || (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)) {
        perror("limit");
        return EXIT_FAILURE;
    }
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED;
    void *keys = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, flags, -1, 0); /* faulty */
    if (keys == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
