/* One of several threads does not compare its result. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

static void *right(void *argument)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (text == MAP_FAILED) {
        perror("mmap");
        return NULL;
    }
    text[0] = 'a';
    munmap(text, 4096);
    return argument;
}

static void *wrong(void *argument)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */

    text[0] = 'a';
    munmap(text, 4096);
    return argument;
}

int main(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++) {
        int error = pthread_create(&threads[i], NULL, i == 2 ? wrong : right, NULL);

        if (error != 0) {
            fprintf(stderr, "pthread_create: %d\n", error);
            return 1;
        }
    }
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    puts("done");
    return 0;
}
