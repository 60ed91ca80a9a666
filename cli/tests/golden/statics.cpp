// A static object whose constructor maps, with a call of several lines, and a cleaner on the same line.
#include <sys/mman.h>

struct Table {
    void *rows;
    Table()
        : rows(mmap(nullptr, 4096, PROT_READ,
                    MAP_PRIVATE, // ) MAP_ANONYMOUS is missing
                    -1, 0))
    {
    }
};

static Table table;

int main()
{
    return table.rows == nullptr;
}
