/* Two accounts with 100 in all, in a System V segment that programs share. */
#ifndef ACCOUNTS_H
#define ACCOUNTS_H

#include <stdbool.h>

struct accounts;

/* Attaches the segment; who comes first makes it. */
struct accounts *accounts_open(void);
/* Detaches it; who goes last removes it. */
void accounts_close(struct accounts *accounts);

/* One is inside at a time; the others wait. */
void accounts_enter(struct accounts *accounts);
/* Does not wait: false if somebody else is inside. */
bool accounts_try_enter(struct accounts *accounts);
void accounts_leave(struct accounts *accounts);

/* Inside: the two steps of a transfer, between which money is missing. */
void accounts_take(struct accounts *accounts, long amount);
void accounts_put(struct accounts *accounts, long amount);
long accounts_total(const struct accounts *accounts);

#endif
