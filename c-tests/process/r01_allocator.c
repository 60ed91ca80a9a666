/* R1: an allocator that maps memory while it holds its lock, with calls that fail and are reported under it. */
#define _GNU_SOURCE
#include "check.h"
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* not recursive: a second entry would hang */
static char *next, *end;

void *malloc(size_t size)
{
    pthread_mutex_lock(&lock);
    size = (size + 31) & ~(size_t)15;
    if (next == NULL || (size_t)(end - next) < size) {
        size_t length = size > (1 << 20) ? size : 1 << 20;
        next = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (next == MAP_FAILED)
            abort();
        end = next + length;
        /* A mistake under the lock: its report must not need this allocator. */
        if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
            abort();
    }
    char *block = next;
    *(size_t *)block = size - 16;
    next += size;
    pthread_mutex_unlock(&lock);
    return block + 16;
}

void free(void *pointer) { (void)pointer; }

void *calloc(size_t count, size_t size) { return memset(malloc(count * size), 0, count * size); }

void *realloc(void *pointer, size_t size)
{
    void *fresh = malloc(size);
    if (pointer != NULL) {
        size_t old = *(size_t *)((char *)pointer - 16);
        memcpy(fresh, pointer, old < size ? old : size);
    }
    return fresh;
}

static void *work(void *unused)
{
    for (int i = 0; i < 20000; i++)
        ((volatile char *)malloc(4000))[0] = 1;
    return unused;
}

int main(void)
{
    pthread_t threads[4];
    alarm(50);
    for (int i = 0; i < 4; i++)
        CHECK(pthread_create(&threads[i], NULL, work, NULL) == 0, "no thread");
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(findings(2) == 1, "%lu errors where the allocator made one", findings(2));
    return 0;
}
