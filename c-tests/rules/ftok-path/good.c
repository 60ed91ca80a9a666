/* Makes a key from a file that is there: every program that shares the key creates it if need be. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <unistd.h>

int main(void)
{
    int fd = open("keyfile", O_RDWR | O_CREAT, 0600);
    if (fd < 0) {
        perror("keyfile");
        return EXIT_FAILURE;
    }
    close(fd);
    key_t key = ftok("keyfile", 'A');
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
