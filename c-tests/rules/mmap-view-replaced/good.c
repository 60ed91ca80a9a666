/* mapsan: enable=pedantic */
/* The memory of a guest, mapped twice from one memfd: a page of one view is cleared by writing to it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define SIZE 65536
#define PAGE 4096

int main(void)
{
    int fd = memfd_create("guest", 0);
    if (fd == -1 || ftruncate(fd, SIZE) != 0) {
        perror("memfd_create");
        return EXIT_FAILURE;
    }
    char *view = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    char *alias = mmap(NULL, SIZE, PROT_READ, MAP_SHARED, fd, 0);
    if (view == MAP_FAILED || alias == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    memset(view + 2 * PAGE, 0, PAGE);
    strcpy(view + 2 * PAGE, "seen by the guest");
    printf("the alias has '%s'\n", alias + 2 * PAGE);
    munmap(view, SIZE);
    munmap(alias, SIZE);
    close(fd);
    return EXIT_SUCCESS;
}
