/* A template maps what it is told to, and gets the length wrong. */
#include <cstdio>
#include <sys/mman.h>

template <typename T> class Buffer {
public:
    explicit Buffer(std::size_t count)
        : data_(static_cast<T *>(mmap(nullptr, count * sizeof(T), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
    {
    }
    bool good() const { return data_ != MAP_FAILED; }

private:
    T *data_;
};

int main()
{
    Buffer<double> empty(0);
    return empty.good() ? 0 : 1;
}
