/* SIGTERM and signals that are sent are ways to end, and so is a SIGSEGV that somebody sends. */
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    char *text;

    if (fork() == 0) {
        text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (text == MAP_FAILED)
            raise(SIGSEGV);
        _exit(0);
    }
    wait(NULL);
    text = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (text == MAP_FAILED)
        raise(SIGTERM);
    puts("done");
    munmap(text, 8192);
    return 0;
}
