/* A lambda writes to a mapping that is read-only. */
#include <algorithm>
#include <sys/mman.h>

int main()
{
    auto *bytes = static_cast<volatile char *>(mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    auto set = [bytes](int index) { bytes[index] = 1; };
    set(100);
    return 0;
}
