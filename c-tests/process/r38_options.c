/* R38: a program that is ready once its .preinit_array has run is asked for its options (mapsan_default_options) after
 * that, and once. */
#include "check.h"
#include <sys/mman.h>
#include <unistd.h>

static const char *volatile answer; /* null until .preinit_array */
static volatile int asked;

const char *mapsan_default_options(void)
{
    asked++;
    return answer[0] == 0 ? NULL : answer; /* reads what is not there before */
}

static void get_ready(void)
{
    answer = "disable=mmap-zero-length";
    /* A call from here is a raw one: the program can't be asked yet. */
    mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0);
}
__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = get_ready;

int main(void)
{
    errno = 0;
    CHECK(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL, "%d", errno);
    CHECK(asked == 1, "asked %d times", asked);
    CHECK(findings(2) == 0, "%lu findings: the options were not taken", findings(2));
    CHECK(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 999, 0) == MAP_FAILED && errno == EBADF, "%d", errno);
    CHECK(findings(2) == 1, "%lu findings", findings(2));
    CHECK(asked == 1, "asked %d times", asked);
    return 0;
}
