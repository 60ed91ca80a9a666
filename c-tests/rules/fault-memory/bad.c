/* Reads memory whose pages it has promised to supply itself, before it has supplied one. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    int pager = (int)syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);
    struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
    if (pager < 0 || ioctl(pager, UFFDIO_API, &api) != 0) {
        puts("userfaultfd(2) is not to be had here");
        return 77;
    }
    char *pages = mmap(NULL, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct uffdio_register range = {{(unsigned long)pages, 4 * 4096}, UFFDIO_REGISTER_MODE_MISSING, 0};
    if (pages == MAP_FAILED || ioctl(pager, UFFDIO_REGISTER, &range) != 0) {
        perror("pages");
        return EXIT_FAILURE;
    }
    return pages[4096]; /* faulty */
}
