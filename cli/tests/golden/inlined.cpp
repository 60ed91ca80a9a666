/* Two functions that are inlined stand between main and the call. */
#include <sys/mman.h>

static inline __attribute__((always_inline)) void *map(int fd) { return mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, 0); }
static inline __attribute__((always_inline)) void *open_store() { return map(-1); }

int main() { return open_store() == MAP_FAILED ? 0 : 1; }
