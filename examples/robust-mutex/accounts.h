/* Two accounts with 100 in all, in a System V segment that programs share. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdbool.h>

struct accounts;

/* Attaches the segment; who comes first makes it. */
struct accounts *accounts_open(void);
/* Detaches it; who goes last removes it. */
void accounts_close(struct accounts *accounts);

/* What follows is for whoever is inside, one at a time. */
void accounts_enter(struct accounts *accounts);
/* Does not wait: false if somebody else is inside. */
bool accounts_try_enter(struct accounts *accounts);
void accounts_leave(struct accounts *accounts);

/* The two steps of a transfer. Between them money is missing. */
void accounts_take(struct accounts *accounts, long amount);
void accounts_put(struct accounts *accounts, long amount);
long accounts_total(const struct accounts *accounts);

/* Says what went wrong, and ends the program. */
_Noreturn void fail(const char *what, int error);

#endif
