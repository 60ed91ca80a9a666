/* Deletes its key file and creates it anew between two uses. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <unistd.h>

static void create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL, 0600);
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
    if (rename("keyfile", "keyfile.old") != 0) {
        perror("rename");
        return EXIT_FAILURE;
    }
    create("keyfile");
    key_t after = ftok("keyfile", 1); /* faulty */
    puts(before == after ? "the same key" : "another key");
    return EXIT_SUCCESS;
}
