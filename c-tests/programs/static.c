/* Makes mistakes, and is linked statically with the library. */
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>

int main(void)
{
    if (mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED)
        perror("mmap");
    if (ftok("/no such file", 1) == -1)
        perror("ftok");
    if (shmdt((void *)4096) != 0)
        perror("shmdt");
    void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED || munmap(page, 4096) != 0 || ftok("/", 1) == -1;
}
