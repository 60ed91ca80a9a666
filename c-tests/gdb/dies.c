/* Dies of an access to memory that it has unmapped; with a word, of one that has to do with no memory, after it has unmapped twice. */
#include <stddef.h>
#include <sys/mman.h>

int main(int words, char **word)
{
    (void)word;
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(memory, 4096);
    if (words > 1) {
        munmap(memory, 4096); /* unmapped before */
        *(volatile char *)NULL = 1; /* nobody's */
    }
    memory[10] = 1; /* the mistake */
    return 0;
}
