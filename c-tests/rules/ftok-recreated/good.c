/* Keeps its key file, and only changes what is in it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <unistd.h>

static void create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (fd < 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    close(fd);
}

int main(void)
{
    create("keyfile");
    key_t before = ftok("keyfile", 1);
    create("keyfile");
    key_t after = ftok("keyfile", 1);
    puts(before == after ? "the same key" : "another key");
    return EXIT_SUCCESS;
}
