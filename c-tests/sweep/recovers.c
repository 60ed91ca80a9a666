/* A handler goes on elsewhere: that is no death. */
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

static sigjmp_buf again;

static void jump(int signal)
{
    (void)signal;
    siglongjmp(again, 1);
}

int main(void)
{
    char *volatile text;

    signal(SIGSEGV, jump);
    text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (sigsetjmp(again, 1) == 0)
        memset(text, 0, 4096);
    else
        fputs("there is no memory\n", stderr);
    puts("done");
    return 0;
}
