/* Has options of its own. */
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>

const char *mapsan_default_options(void) { return "level=error:exitcode=7"; }

int main(void)
{
    mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    printf("kept"); /* in the buffer until exit has flushed it */
    return 0;
}
