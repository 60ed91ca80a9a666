/* A handler of the program makes an exit with success of the fault. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void gone(int signal)
{
    (void)signal;
    _exit(0);
}

int main(void)
{
    char *text;

    signal(SIGSEGV, gone);
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */
    memset(text, 0, 4096);
    munmap(text, 4096);
    return 0;
}
