/* Dies of an access to memory that it has unmapped. */
#include <stddef.h>
#include <sys/mman.h>

int main(void)
{
    char *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    munmap(memory, 4096);
    memory[10] = 1; /* the mistake */
    return 0;
}
