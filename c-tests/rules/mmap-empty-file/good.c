/* Shares a counter through a new file, and gives the file its length; a child that is made before that, and leaves at once,
 * has no part in it. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int fd = open("counter", O_RDWR | O_CREAT | O_TRUNC, 0600);
    long *counter = mmap(NULL, sizeof *counter, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (counter == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    pid_t child = fork();
    if (child == 0)
        exit(EXIT_SUCCESS);
    if (child < 0 || waitpid(child, NULL, 0) != child || ftruncate(fd, sizeof(long)) != 0) {
        perror("fork, waitpid or ftruncate");
        return EXIT_FAILURE;
    }
    *counter = 1;
    close(fd);
    munmap(counter, sizeof *counter);
    return unlink("counter") == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
