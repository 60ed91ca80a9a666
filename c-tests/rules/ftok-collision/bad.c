/* Makes keys from two files whose inode numbers agree in the 16 bits that ftok uses.
 * mapsan-vary: shop-\w+ */
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
    char directory[] = "/dev/shm/shop-XXXXXX"; /* a tmpfs numbers its files one by one */
    if (mkdtemp(directory) == NULL || chdir(directory) != 0) {
        puts("/dev/shm can't be written");
        return 77;
    }
    ino_t first = create("orders"), second = create("invoices");
    for (int tries = 0; tries < 1000000 && ((first ^ second) & 0xffff) != 0; tries++) {
        unlink("invoices");
        second = create("invoices");
    }
    int collide = ((first ^ second) & 0xffff) == 0;
    key_t orders = collide ? ftok("orders", 1) : -1;
    key_t invoices = collide ? ftok("invoices", 1) : -1; /* faulty */
    if (unlink("orders") != 0 || unlink("invoices") != 0 || rmdir(directory) != 0)
        perror(directory);
    if (!collide) {
        puts("this filesystem gives no colliding inode numbers in time");
        return 77;
    }
    puts(orders == invoices ? "the same key" : "two keys");
    return EXIT_SUCCESS;
}
