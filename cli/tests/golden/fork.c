/* A child dies of a file that its parent has shortened; the parent makes a mistake of its own. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    FILE *file = tmpfile();
    int fd = fileno(file);
    if (ftruncate(fd, 8192) != 0)
        return 1;
    char *text = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
    int pipes[2];
    char go;
    if (pipe(pipes) != 0)
        return 1;
    pid_t child = fork();
    if (child == 0)
        return read(pipes[0], &go, 1) == 1 && text[5000] == 0;
    if (ftruncate(fd, 10) != 0 || write(pipes[1], "x", 1) != 1)
        return 1;
    waitpid(child, NULL, 0);
    return munmap(text + 1, 4096) == 0;
}
