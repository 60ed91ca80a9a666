/* A library that Python calls: pages of memory. */
#include <stddef.h>
#include <sys/mman.h>

void *page_new(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? NULL : page;
}

int page_free(void *page)
{
    return munmap(page, 4096);
}
