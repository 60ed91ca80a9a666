/* A copy of an object unmaps what the object has unmapped. */
#include <sys/mman.h>

namespace store {
struct Page {
    void *at = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ~Page() { munmap(at, 4096); }
};
} // namespace store

int main()
{
    store::Page one;
    store::Page copy = one;
    return 0;
}
