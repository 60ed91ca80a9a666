/* Huge pages where there are some, others where there are none: the same result either way. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define LENGTH (2UL << 20)

int main(void)
{
    int flags = MAP_PRIVATE | MAP_ANONYMOUS;
    char *memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);

    if (memory == MAP_FAILED)
        memory = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (memory == MAP_FAILED) {
        memory = malloc(LENGTH);
        if (memory == NULL)
            return 1;
        memory[0] = 'a';
        puts("done");
        free(memory);
        return 0;
    }
    memory[0] = 'a';
    puts("done");
    munmap(memory, LENGTH);
    return 0;
}
