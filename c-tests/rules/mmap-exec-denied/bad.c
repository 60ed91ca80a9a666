/* Maps code from a file on a mount that forbids to execute. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <unistd.h>

int main(void)
{
    if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("none", "/mnt", "tmpfs", MS_NOEXEC, NULL) != 0) {
        puts("a noexec mount can't be made here: that takes CAP_SYS_ADMIN");
        return 77;
    }
    int fd = open("/mnt/plugin", O_RDWR | O_CREAT, 0700);
    if (fd < 0 || ftruncate(fd, 4096) != 0) {
        perror("plugin");
        return EXIT_FAILURE;
    }
    void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0); /* faulty */
    if (code == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
