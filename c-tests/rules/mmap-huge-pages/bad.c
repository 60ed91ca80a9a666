/* Asks for more huge pages than any machine reserves.
 * mapsan-vary: and \d+ (?:is|are) available|has \d+ pages of this size, \d+ free, \d+ of these reserved */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    size_t size = 1ul << 44;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB;
    void *pool = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0); /* faulty */
    if (pool == MAP_FAILED) {
        perror("mmap");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
