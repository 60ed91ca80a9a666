/* A conservative collector of the plainest kind: what looks like an address of a cell, in the data of any object, on the
 * stack or in a live cell, keeps the cell. Cells are mappings, so the library knows of each. A list that is held stays
 * whole, and of the cells that are dropped hardly any stays. */
#define _GNU_SOURCE
#include "check.h"
#include <link.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define CELL (16UL << 10)
#define MOST 4000

/* Where cells are, as complements: this list is not to keep them. */
static uintptr_t cells[MOST];
static char live[MOST];
static size_t used;

static long *new_cell(long content)
{
    CHECK(used < MOST, "too many cells are kept");
    long *cell = mmap(NULL, CELL, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(cell != MAP_FAILED, "%s", strerror(errno));
    cells[used++] = ~(uintptr_t)cell;
    cell[1] = content;
    return cell;
}

static void mark(const uintptr_t *from, const uintptr_t *to)
{
    for (; from < to; from++)
        for (size_t i = 0; *from > CELL && *from >> 56 == 0 && i < used; i++)
            if (!live[i] && *from - ~cells[i] < CELL) {
                live[i] = 1;
                mark((uintptr_t *)~cells[i], (uintptr_t *)(~cells[i] + CELL));
            }
}

static int mark_object(struct dl_phdr_info *object, size_t size, void *unused)
{
    (void)size;
    (void)unused;
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *part = &object->dlpi_phdr[i];
        uintptr_t start = (object->dlpi_addr + part->p_vaddr + 7) & ~7UL;
        if (part->p_type == PT_LOAD && (part->p_flags & PF_W) != 0)
            mark((uintptr_t *)start, (uintptr_t *)((object->dlpi_addr + part->p_vaddr + part->p_memsz) & ~7UL));
    }
    return 0;
}

static __attribute__((noinline)) size_t collect(uintptr_t *stack_end)
{
    jmp_buf registers; /* those that a callee saves go to the stack */
    (void)setjmp(registers);
    memset(live, 0, sizeof live);
    dl_iterate_phdr(mark_object, NULL);
    mark((uintptr_t *)__builtin_frame_address(0), stack_end);
    size_t kept = 0;
    for (size_t i = 0; i < used; i++)
        if (live[i])
            cells[kept++] = cells[i];
        else
            CHECK(munmap((void *)~cells[i], CELL) == 0, "%s", strerror(errno));
    used = kept;
    return kept;
}

/* Cells that are dropped as soon as they are made, some with calls that fail on them. */
static __attribute__((noinline)) void drop(int count)
{
    for (int i = 0; i < count; i++) {
        long *cell = new_cell(i);
        if (i % 16 == 0)
            CHECK(munmap((char *)cell + 1, CELL) == -1, "it fails");
        if (i % 16 == 1)
            CHECK(mprotect((char *)cell + CELL / 2, CELL / 2, PROT_READ) == 0, "%s", strerror(errno));
    }
}

static __attribute__((noinline)) void clear_stack(void)
{
    volatile char old[16384];
    for (size_t i = 0; i < sizeof old; i++)
        old[i] = 0;
}

int main(void)
{
    uintptr_t *stack_end = __builtin_frame_address(0);
    static long *volatile list;
    for (long i = 0; i < 40; i++) {
        long *cell = new_cell(i);
        cell[0] = (long)(uintptr_t)list;
        list = cell;
    }
    size_t kept = 0;
    for (int round = 0; round < 10; round++) {
        drop(300);
        clear_stack();
        kept = collect(stack_end);
        CHECK(kept >= 40 && kept < 40 + 20, "%zu cells are kept after round %d, and 40 are in use", kept, round);
    }
    long content = 39;
    for (long *cell = list; cell != NULL; cell = (long *)(uintptr_t)cell[0])
        CHECK(cell[1] == content--, "the list is whole");
    CHECK(content == -1, "the list is whole");
    return 0;
}
