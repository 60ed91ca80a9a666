/* How often each word was counted, in a shared memory object that programs have in common. */
#ifndef TABLE_H
#define TABLE_H

struct table;

/* Makes the object, or opens it; NULL, and errno, if it can't. */
struct table *table_open(const char *name);
/* One more of a word; how often it was counted now, 0 if the table is full. */
unsigned table_count(struct table *table, const char *word);
/* Unmaps it; who goes last removes it with table_remove. */
void table_close(struct table *table);
int table_remove(const char *name);

#endif
