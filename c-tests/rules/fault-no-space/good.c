/* Takes the room for a file on a full filesystem before it is mapped, and finds out there that there is none. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

/* A filesystem of 64 KiB of one's own. */
static int small_filesystem(void)
{
    if (unshare(CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0)
        return -1;
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("tmpfs", ".", "tmpfs", 0, "size=64k") != 0 ? -1 : chdir("../cwd");
}

int main(void)
{
    if (small_filesystem() != 0) {
        puts("no filesystem can be mounted here: it takes root or user namespaces");
        return 77;
    }
    int fd = open("cache", O_RDWR | O_CREAT, 0600);
    if (fd < 0) {
        perror("cache");
        return EXIT_FAILURE;
    }
    if (posix_fallocate(fd, 0, 64 * 4096) != 0) {
        puts("no room for the cache");
        return EXIT_SUCCESS;
    }
    char *cache = mmap(NULL, 64 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (cache == MAP_FAILED) {
        perror("cache");
        return EXIT_FAILURE;
    }
    for (int page = 0; page < 64; page++)
        cache[page * 4096] = 1;
    munmap(cache, 64 * 4096);
    return EXIT_SUCCESS;
}
