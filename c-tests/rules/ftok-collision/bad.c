/* Makes keys from two files whose inode numbers agree in the 16 bits that ftok uses. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/stat.h>
#include <unistd.h>

static ino_t create(const char *path)
{
    struct stat status;
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    if (fd < 0 || fstat(fd, &status) != 0) {
        perror(path);
        exit(EXIT_FAILURE);
    }
    close(fd);
    return status.st_ino;
}

int main(void)
{
    ino_t first = create("orders");
    int tries = 200000;
    /* The second file is made anew until its number collides, as it does by itself among many files. */
    while (((create("invoices") ^ first) & 0xffff) != 0 && --tries > 0)
        if (rename("invoices", "other") != 0)
            return EXIT_FAILURE;
    if (tries == 0) {
        puts("this filesystem gives no colliding inode numbers in time");
        return 77;
    }
    key_t orders = ftok("orders", 1);
    key_t invoices = ftok("invoices", 1); /* faulty */
    puts(orders == invoices ? "the same key" : "two keys");
    return EXIT_SUCCESS;
}
