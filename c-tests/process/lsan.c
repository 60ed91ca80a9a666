/* Loses twelve blocks and keeps four: LeakSanitizer tells of the twelve (see lsan.sh). What was done to them are calls that
 * the library remembers, with and without a finding. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *volatile kept[4];

static __attribute__((noinline)) void *block(int number)
{
    long page = sysconf(_SC_PAGESIZE);
    void *memory;
    if (posix_memalign(&memory, (size_t)page, 3 * (size_t)page) != 0)
        exit(2);
    memset(memory, number, 3 * (size_t)page);
    mprotect((char *)memory + page, (size_t)page, PROT_READ);
    mprotect((char *)memory + page, (size_t)page, PROT_READ | PROT_WRITE);
    if (number % 3 == 0)
        msync((char *)memory + 1, (size_t)page, MS_ASYNC);
    if (number % 3 == 1)
        munmap((char *)memory + 1, (size_t)page);
    return memory;
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char old[16384];
    for (size_t i = 0; i < sizeof old; i++)
        old[i] = 0;
}

int main(void)
{
    for (int i = 0; i < 16; i++) {
        void *memory = block(i);
        if (i >= 12)
            kept[i - 12] = memory;
    }
    clear_stack();
    puts("done");
    return 0;
}
