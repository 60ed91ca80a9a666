/* What libc ends of its own accord is a death: the heap is overwritten where the call has failed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

int main(void)
{
    char *small = malloc(24);
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */
    char *to = text == MAP_FAILED ? small : text;

    memset(to, 0xff, 200);
    free(malloc(5000));
    free(small);
    puts("done");
    if (text != MAP_FAILED)
        munmap(text, 4096);
    return 0;
}
