/* Counts the words of its standard input, and says of each how often it has come. */
#include "table.h"
#include <stdio.h>
#include <stdlib.h>

#define NAME "/mapsan-example-words"

int main(void)
{
    struct table *table = table_open(NAME);
    if (table == NULL) {
        perror("count: " NAME);
        return EXIT_FAILURE;
    }
    int status = EXIT_SUCCESS;
    char word[32];
    while (scanf("%31s", word) == 1)
        printf("%s: %u\n", word, table_count(table, word));
    table_close(table);
    if (table_remove(NAME) == -1) {
        perror("count: " NAME);
        status = EXIT_FAILURE;
    }
    return status;
}
