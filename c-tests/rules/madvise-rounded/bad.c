/* Keeps the state of its random numbers from a forked child, and the settings that lie behind it, too. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

struct thread {
    unsigned char random[64];
    char settings[64];
};

int main(void)
{
    struct thread *own = mmap(NULL, sizeof *own, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (own == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    strcpy(own->settings, "verbose");
    if (madvise(own->random, sizeof own->random, MADV_WIPEONFORK) != 0) /* faulty */
        perror("madvise");
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        printf("the child's settings: '%s'\n", own->settings);
        fflush(stdout);
        _exit(0);
    }
    waitpid(child, NULL, 0);
    return munmap(own, sizeof *own) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
