/* Many call sites of one mistake, since each is reported once: SITES(n) is a function with a site for each n. */
#ifndef SITES_H
#define SITES_H

#include <sys/mman.h>

#define SITE(n) case n: return mmap(0, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED;
#define SITES8(n) SITE(n) SITE(n + 1) SITE(n + 2) SITE(n + 3) SITE(n + 4) SITE(n + 5) SITE(n + 6) SITE(n + 7)
#define SITES64(n) SITES8(n) SITES8(n + 8) SITES8(n + 16) SITES8(n + 24) SITES8(n + 32) SITES8(n + 40) SITES8(n + 48) SITES8(n + 56)

/* 256 sites. */
static inline int fail_at(int site)
{
    switch (site) {
        SITES64(0)
        SITES64(64)
        SITES64(128)
        SITES64(192)
    }
    return 0;
}

#endif
