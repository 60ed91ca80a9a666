/* Maps pieces of so many bytes until that is refused, unmaps every third one, and maps as many again: prints how many it
 * got, twice. Neighbours differ, so that the kernel does not join them. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define MOST 300000

static void *pieces[MOST];

static void *piece(size_t length, int number)
{
    return mmap(NULL, length, number % 2 ? PROT_READ : PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int count, char **words)
{
    size_t length = count > 1 ? strtoul(words[1], NULL, 0) : 4096;
    int mapped = 0, again = 0;
    while (mapped < MOST && (pieces[mapped] = piece(length, mapped)) != MAP_FAILED)
        mapped++;
    for (int i = 0; i < mapped; i += 3)
        if (munmap(pieces[i], length) != 0)
            return 1;
    for (int i = 0; i < mapped; i += 3)
        again += piece(length, i) != MAP_FAILED;
    printf("%d %d\n", mapped, again);
    return 0;
}
