/* What the tests of processes share: a failure says what was expected and what was found, and ends the test. */
#ifndef CHECK_H
#define CHECK_H

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition, ...)                                                                                          \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stdout, "%s:%d: expected %s: ", __FILE__, __LINE__, #condition);                                   \
            fprintf(stdout, __VA_ARGS__);                                                                              \
            fputc('\n', stdout);                                                                                       \
            fflush(stdout);                                                                                            \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

#define SKIP(...)                                                                                                      \
    do {                                                                                                               \
        fprintf(stdout, "SKIPPED: " __VA_ARGS__);                                                                      \
        fputc('\n', stdout);                                                                                           \
        exit(77);                                                                                                      \
    } while (0)

/* The findings of one severity (0 note, 1 warning, 2 error) so far; the library must be there. */
static inline unsigned long findings(int severity)
{
    unsigned long (*count)(int) = (unsigned long (*)(int))dlsym(RTLD_DEFAULT, "mapsan_count");
    if (count == NULL) {
        puts("the program runs without the library");
        exit(1);
    }
    return count(severity);
}

#endif
