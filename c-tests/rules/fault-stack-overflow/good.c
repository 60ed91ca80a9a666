/* Walks down a long list with one call for each element, in a thread whose stack has the room. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ELEMENTS 1000

struct element {
    struct element *next;
    int value;
};

static int sum(const struct element *list) { return list->next == NULL ? list->value : list->value + sum(list->next); }

static void *add(void *list)
{
    printf("%d\n", sum(list));
    return NULL;
}

int main(void)
{
    static struct element list[ELEMENTS];
    for (int i = 0; i < ELEMENTS; i++)
        list[i] = (struct element){i + 1 < ELEMENTS ? &list[i + 1] : NULL, i};
    pthread_attr_t attributes;
    pthread_t thread;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    if (pthread_create(&thread, &attributes, add, list) != 0)
        return EXIT_FAILURE;
    pthread_join(thread, NULL);
    return EXIT_SUCCESS;
}
