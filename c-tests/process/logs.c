/*
 * Makes a finding for each line that it reads, at a place of its own, and answers: once the log of the last one is written.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static void one(void) { munmap((void *)4096, 0); }
static void two(void) { munmap((void *)8192, 0); }
static void three(void) { munmap((void *)12288, 0); }
static void four(void) { munmap((void *)16384, 0); }

int main(void)
{
    void (*const places[])(void) = {one, two, three, four};
    char line[64];
    for (int i = 0; i < 4 && fgets(line, sizeof line, stdin) != NULL; i++) {
        places[i]();
        printf("%d\n", (int)getpid());
        fflush(stdout);
    }
    return 0;
}
