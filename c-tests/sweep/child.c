/* A child that nobody waits for dies; the parent does not notice. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int main(void)
{
    signal(SIGCHLD, SIG_IGN);
    if (fork() == 0) {
        char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */

        memset(text, 0, 4096);
        _exit(0);
    }
    usleep(50000);
    puts("done");
    return 0;
}
