/* A library between mapsan and libc that has definitions of its own of three calls. */
#define _GNU_SOURCE
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int between_calls, between_advices;

int munmap(void *address, size_t length)
{
    between_calls++;
    return (int)syscall(SYS_munmap, address, length);
}

int mprotect(void *address, size_t length, int protection)
{
    between_calls += 100;
    return (int)syscall(SYS_mprotect, address, length, protection);
}

int madvise(void *address, size_t length, int advice)
{
    between_advices++;
    return (int)syscall(SYS_madvise, address, length, advice);
}
