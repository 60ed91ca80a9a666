/* Calls made by libc and by the library, and compared: value and errno, and what they have filled. Each call is made twice, so
 * that a finding and its repetition are met. */
#ifndef EQUAL_H
#define EQUAL_H

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define UNTOUCHED 12345

static int failures, compared;
static void *libc;

/* How values are compared: as they are; addresses by failure and place in a page; new ids by failure alone. */
enum { VALUE, ADDRESS, NEW_ID };

static inline void compare(const char *call, long own, int own_errno, long with, int with_errno, int kind)
{
    compared++;
    int same = own == with;
    if (kind != VALUE)
        same = (own == -1) == (with == -1) && (kind == NEW_ID || (own & 4095) == (with & 4095));
    if (!same || own_errno != with_errno) {
        failures++;
        printf("%s: libc gives %ld (%s), the library %ld (%s)\n", call, own, strerrorname_np(own_errno) ?: "untouched",
               with, strerrorname_np(with_errno) ?: "untouched");
    }
}

/* Makes `call` by libc and by the library, twice, and undoes what came of it. */
#define BOTH(name, kind, undo, ...)                                                                                    \
    for (int twice = 0; twice < 2; twice++) {                                                                          \
        __typeof__(&name) own_call = (__typeof__(&name))dlsym(libc, #name);                                            \
        errno = UNTOUCHED;                                                                                             \
        long own = (long)own_call(__VA_ARGS__);                                                                        \
        int own_errno = errno;                                                                                         \
        if (own != -1) {                                                                                               \
            long result = own;                                                                                         \
            undo;                                                                                                      \
            (void)result;                                                                                              \
        }                                                                                                              \
        errno = UNTOUCHED;                                                                                             \
        long with = (long)name(__VA_ARGS__);                                                                           \
        int with_errno = errno;                                                                                        \
        if (with != -1) {                                                                                              \
            long result = with;                                                                                        \
            undo;                                                                                                      \
            (void)result;                                                                                              \
        }                                                                                                              \
        compare(#name "(" #__VA_ARGS__ ")", own, own_errno, with, with_errno, kind);                                   \
    }

#define PLAIN(name, ...) BOTH(name, VALUE, , __VA_ARGS__)

/* Makes `call` on twins, the first by libc and the second by the library: `i` is 0, then 1. What it fills, `memory`, begins as
 * the same, and is compared. */
#define TWINS(memory, name, ...)                                                                                       \
    for (int twice = 0; twice < 2; twice++) {                                                                          \
        static unsigned char filled[2][sizeof(memory)];                                                                \
        long gave[2];                                                                                                  \
        int errno_of[2];                                                                                               \
        for (int i = 0; i < 2; i++) {                                                                                  \
            __typeof__(&name) call = i == 0 ? (__typeof__(&name))dlsym(libc, #name) : &name;                           \
            memset((void *)&(memory), 0x5a, sizeof(memory));                                                           \
            errno = UNTOUCHED;                                                                                         \
            gave[i] = (long)call(__VA_ARGS__);                                                                         \
            errno_of[i] = errno;                                                                                       \
            memcpy(filled[i], (void *)&(memory), sizeof(memory));                                                      \
        }                                                                                                              \
        compare(#name "(" #__VA_ARGS__ ")", gave[0], errno_of[0], gave[1], errno_of[1], VALUE);                        \
        if (memcmp(filled[0], filled[1], sizeof(memory)) != 0) {                                                       \
            failures++;                                                                                                \
            puts(#name "(" #__VA_ARGS__ "): libc fills " #memory " with something else than the library");             \
        }                                                                                                              \
    }

/* Twins of a call that fills nothing. */
#define PAIR(name, ...)                                                                                                \
    {                                                                                                                  \
        char nothing;                                                                                                  \
        TWINS(nothing, name, __VA_ARGS__)                                                                              \
    }

/* Whether there are two definitions to compare. */
static inline int has_both(void)
{
    libc = dlopen("libc.so.6", RTLD_NOW | RTLD_NOLOAD);
    if (libc != NULL && dlsym(RTLD_DEFAULT, "mapsan_version") != NULL)
        return 1;
    puts("libc.so.6 or the library is not there");
    return 0;
}

#endif
