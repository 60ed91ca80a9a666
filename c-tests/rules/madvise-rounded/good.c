/* Keeps the state of its random numbers from a forked child, on a page where nothing else lies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static char settings[64];

int main(void)
{
    unsigned char *random = mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (random == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(settings, "verbose");
    random[0] = 1;
    if (madvise(random, 64, MADV_WIPEONFORK) != 0)
        perror("madvise");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("the child's settings: '%s', and %d\n", settings, random[0]);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return munmap(random, 64) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
