/* mapsan: level=error */
/* Compares what mmap gives with NULL, and so does not see that it failed. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t all = (size_t)1 << 46; /* more than the address space has in one piece */
    char *cache = mmap(NULL, 2 * all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (cache == NULL) {
        perror("cache");
        return EXIT_FAILURE;
    }
    cache[0] = 1; /* faulty */
    return EXIT_SUCCESS;
}
