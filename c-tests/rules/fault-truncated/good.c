/* Reads a file through its mapping, while another process puts a new one into its place. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    int fd = open("news", O_RDWR | O_CREAT, 0600);
    if (fd < 0 || ftruncate(fd, 3 * 4096) != 0) {
        perror("news");
        return EXIT_FAILURE;
    }
    char *news = mmap(NULL, 3 * 4096, PROT_READ, MAP_SHARED, fd, 0);
    if (news == MAP_FAILED) {
        perror("news");
        return EXIT_FAILURE;
    }
    close(fd);
    pid_t editor = fork();
    if (editor == 0)
        execlp("sh", "sh", "-c", "echo shorter > next && mv next news", (char *)NULL);
    waitpid(editor, NULL, 0);
    char last = news[2 * 4096 + 5];
    munmap(news, 3 * 4096);
    return last == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
