/* The C API: what it tells of findings, and the twins of the calls. */
#include "mapsan.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            printf("%s:%d: expected %s\n", __FILE__, __LINE__, #condition);                                            \
            return 1;                                                                                                  \
        }                                                                                                              \
    } while (0)

static int called;
static mapsan_finding seen;

static void callback(const mapsan_finding *finding, void *context)
{
    called++;
    seen = *finding;
    *(int *)context += 1;
    /* A mistake inside the callback is reported, and not handed to the callback again. */
    munmap((void *)1, 1);
}

int main(void)
{
    int count = 0;
    mapsan_finding finding;
    CHECK(strcmp(mapsan_version(), "") != 0);
    CHECK(mapsan_last_finding(&finding) == 0);
    CHECK(mapsan_set_callback(callback, &count) == NULL);
    CHECK(mapsan_mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED && errno == EINVAL);
    CHECK(called == 1 && count == 1);
    CHECK(strcmp(seen.rule, "mmap-zero-length") == 0 && seen.severity == MAPSAN_ERROR && seen.error == EINVAL);
    CHECK(strstr(seen.message, "length is 0") != NULL);
    CHECK((const char *)seen.call_site > (const char *)main && (const char *)seen.call_site < (const char *)main + 4096);
    CHECK(mapsan_last_finding(&finding) == 1 && strcmp(finding.rule, "munmap-unaligned-address") == 0);
    CHECK(mapsan_last_finding(NULL) == 0);
    CHECK(mapsan_count(MAPSAN_ERROR) == 2 && mapsan_count(MAPSAN_NOTE) == 0 && mapsan_count(99) == 0);
    CHECK(mapsan_set_callback(NULL, NULL) == callback);
    CHECK(mapsan_ftok("/no such file", 1) == -1 && errno == ENOENT);
    CHECK(called == 1 && mapsan_count(MAPSAN_NOTE) == 1);
    mapsan_on_finding();
    return 0;
}
