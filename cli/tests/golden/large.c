/* Large files: the headers make mmap64 of mmap, and the program says mmap. */
#define _FILE_OFFSET_BITS 64
#include <stddef.h>
#include <sys/mman.h>

int main(void)
{
    void *data = mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return data != MAP_FAILED;
}
