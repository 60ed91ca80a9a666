/* R4: the library never allocates: not at start, not in calls, not in reports. */
#define _GNU_SOURCE
#include "check.h"
#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

static unsigned long allocations;
static char heap[1 << 20];
static size_t used;

void *malloc(size_t size)
{
    allocations++;
    size_t start = (used + 15) & ~(size_t)15;
    if (start + size > sizeof heap)
        return NULL;
    used = start + size;
    return heap + start;
}

void free(void *pointer) { (void)pointer; }
void *calloc(size_t count, size_t size) { return malloc(count * size); } /* the heap is zero, and used once */
void *realloc(void *pointer, size_t size)
{
    void *fresh = malloc(size);
    return pointer == NULL || fresh == NULL ? fresh : memcpy(fresh, pointer, size);
}
void *memalign(size_t alignment, size_t size) { (void)alignment; return malloc(size); }

static unsigned long at_start;
__attribute__((constructor)) static void count(void) { at_start = allocations; }

static void calls(void)
{
    char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(page, 4096, PROT_READ);
    page = mremap(page, 4096, 8192, MREMAP_MAYMOVE);
    munmap(page, 8192);
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    void *segment = shmat(id, NULL, 0);
    ftok("/", 1);
    shmctl(id, IPC_RMID, NULL);
    shmdt(segment);
    /* and what fails */
    mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 4096, PROT_READ, MAP_SHARED, -1, 0);
    mmap64(NULL, 4096, PROT_READ, MAP_SHARED, -1, 0);
    munmap(MAP_FAILED, 4096);
    mprotect(page, 8192, PROT_READ);
    mremap(page, 8192, 4096, MREMAP_MAYMOVE);
    msync(page, 8192, MS_SYNC);
    ftok("/no such file", 1);
    shmget(-1, 0, 0);
    shmat(-1, NULL, 0);
    shmdt(segment);
    shmctl(-1, IPC_RMID, NULL);
}

int main(void)
{
    unsigned long before = allocations;
    calls();
    CHECK(allocations == before, "%lu allocations in the calls", allocations - before);
    CHECK(at_start == 0, "%lu allocations before main", at_start);
    CHECK(findings(2) >= 9, "%lu errors were reported", findings(2));
    return 0;
}
