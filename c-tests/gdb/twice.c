/* Unmaps memory twice, in a thread; and asks once more when the program is about to end. */
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

static char *kept;

static void *twice(void *memory)
{
    munmap(memory, 4096);
    munmap(memory, 4096); /* the mistake */
    return NULL;
}

static void before_end(void)
{
    puts("end");
}

int main(void)
{
    kept = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* kept */
    char *memory = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_t thread;
    if (pthread_create(&thread, NULL, twice, memory) != 0 || pthread_join(thread, NULL) != 0)
        return 1;
    before_end();
    return munmap(kept, 8192);
}
