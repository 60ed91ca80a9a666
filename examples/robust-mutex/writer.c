/* Moves money, and meets the reader on the way: it says a line, and waits for one. `writer exit` ends in the middle of a
 * transfer, as a program does that meets an error there. */
#include "accounts.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The reader's next line; false when there is no reader any more. */
static bool hear(void)
{
    char line[64];
    return fgets(line, sizeof line, stdin) != NULL;
}

static void meet(void)
{
    puts("look");
    fflush(stdout);
    hear();
}

int main(int argc, char **argv)
{
    struct accounts *accounts = accounts_open();
    accounts_enter(accounts);
    accounts_take(accounts, 5);
    /* For show: a program should wait for nobody while it is inside. */
    meet();
    accounts_put(accounts, 5);
    accounts_leave(accounts);
    meet();
    if (argc > 1 && strcmp(argv[1], "exit") == 0) {
        accounts_enter(accounts);
        accounts_take(accounts, 7);
        exit(EXIT_FAILURE);
    }
    /* The reader hears that there is no more to come, and ends. */
    fclose(stdout);
    while (hear())
        ;
    accounts_close(accounts);
    return EXIT_SUCCESS;
}
