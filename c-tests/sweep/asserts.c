/* assert and abort are ways to end. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(void)
{
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *other;

    assert(text != MAP_FAILED);
    text[0] = 'a';
    other = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (other == MAP_FAILED)
        abort();
    puts("done");
    munmap(other, 8192);
    munmap(text, 4096);
    return 0;
}
