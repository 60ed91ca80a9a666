/* Walks down a list that leads back to its beginning, one call for each element. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct element {
    struct element *next;
    int value;
};

static int sum(const struct element *list) { return list->next == NULL ? list->value : list->value + sum(list->next); } /* faulty */

static void *add(void *list)
{
    printf("%d\n", sum(list));
    return NULL;
}

int main(void)
{
    struct element last = {NULL, 2}, first = {&last, 1};
    last.next = &first;
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, add, &first) != 0)
        return EXIT_FAILURE;
    pthread_join(thread, NULL);
    return EXIT_SUCCESS;
}
