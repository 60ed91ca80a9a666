/* Looks whether money is missing, each time that the writer says a line, and when the writer has ended. */
#include "accounts.h"
#include <stdio.h>
#include <stdlib.h>

/* The writer's next line; false when there is no writer any more. */
static bool hear(void)
{
    char line[64];
    return fgets(line, sizeof line, stdin) != NULL;
}

static void answer(void)
{
    puts("seen");
    fflush(stdout);
}

static void look(struct accounts *accounts)
{
    if (!accounts_try_enter(accounts)) {
        fprintf(stderr, "reader: somebody is inside\n");
        return;
    }
    fprintf(stderr, "reader: %ld in all\n", accounts_total(accounts));
    accounts_leave(accounts);
}

int main(void)
{
    if (!hear())
        return EXIT_FAILURE;
    struct accounts *accounts = accounts_open();
    do {
        look(accounts);
        answer();
    } while (hear());
    fprintf(stderr, "reader: the writer has ended\n");
    look(accounts);
    accounts_close(accounts);
    return EXIT_SUCCESS;
}
