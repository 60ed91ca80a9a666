/* R3: the library stays when it is closed, and has no thread-local storage to be allocated late. */
#define _GNU_SOURCE
#include "check.h"
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

static int look(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    if (strstr(info->dlpi_name, "libmapsan") == NULL)
        return 0;
    *(int *)found = 1;
    for (int i = 0; i < info->dlpi_phnum; i++)
        CHECK(info->dlpi_phdr[i].p_type != PT_TLS, "the library has thread-local storage");
    return 1;
}

int main(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW);
    CHECK(library != NULL, "%s", dlerror());
    void *(*map)(void *, size_t, int, int, int, off_t) = dlsym(library, "mapsan_mmap");
    CHECK(map != NULL, "no mapsan_mmap");
    dlclose(library);
    dlclose(library); /* one more than was opened: only nodelete keeps it */
    int found = 0;
    dl_iterate_phdr(look, &found);
    CHECK(found, "the library is gone");
    CHECK(map(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL, "%d", errno);
    CHECK(findings(2) == 1, "%lu", findings(2));
    return 0;
}
