// A class that throws where it can't map: caught it is an error that is told, and not caught it is a way to end. One whose
// destructor unmaps although nothing was mapped.
#include <cerrno>
#include <cstdio>
#include <iostream>
#include <memory>
#include <sys/mman.h>
#include <system_error>
#include <vector>

class Mapping {
    void *memory;
    std::size_t length;

public:
    explicit Mapping(std::size_t wanted) : length(wanted)
    {
        memory = mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            throw std::system_error(errno, std::generic_category(), "mmap");
    }
    Mapping(const Mapping &) = delete;
    ~Mapping() { munmap(memory, length); }
    char *text() { return static_cast<char *>(memory); }
};

class Careless {
    char *memory;

public:
    Careless()
    {
        memory = static_cast<char *>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); /* unchecked */
        if (memory != MAP_FAILED)
            memory[0] = 'c';
    }
    ~Careless() { munmap(memory, 4096); }
};

int main()
{
    std::vector<std::unique_ptr<Mapping>> all;

    try {
        for (int i = 0; i < 3; i++) {
            all.push_back(std::make_unique<Mapping>(8192));
            all.back()->text()[0] = 'a';
        }
    } catch (const std::system_error &error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
    Mapping uncaught(12288);
    Careless careless;
    std::puts("done");
}
