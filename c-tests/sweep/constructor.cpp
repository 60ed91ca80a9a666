// Objects of the program that are made before main: one compares its result, and one does not.
#include <cstdio>
#include <cstdlib>
#include <sys/mman.h>

static char *map(std::size_t length)
{
    return static_cast<char *>(mmap(nullptr, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

struct Checked {
    char *text;
    Checked()
    {
        text = static_cast<char *>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (text == MAP_FAILED) {
            std::perror("mmap");
            std::exit(1);
        }
        text[0] = 'a';
    }
    ~Checked() { munmap(text, 4096); }
};

struct Hurried {
    char *text;
    Hurried()
    {
        text = static_cast<char *>(mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)); /* unchecked */
        text[0] = 'b';
    }
    ~Hurried() { munmap(text, 8192); }
};

static Checked checked;
static Hurried hurried;

int main()
{
    char *other = map(4096);

    if (other != MAP_FAILED)
        munmap(other, 4096);
    std::printf("%c%c\n", checked.text[0], hurried.text[0]);
}
