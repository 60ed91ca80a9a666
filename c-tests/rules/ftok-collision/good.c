/* Makes two keys from one file, told apart by the id. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <unistd.h>

int main(void)
{
    int fd = open("shop", O_RDWR | O_CREAT, 0600);
    if (fd < 0) {
        perror("shop");
        return EXIT_FAILURE;
    }
    close(fd);
    key_t orders = ftok("shop", 1);
    key_t invoices = ftok("shop", 2);
    puts(orders == invoices ? "the same key" : "two keys");
    return EXIT_SUCCESS;
}
