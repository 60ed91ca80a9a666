/* Lines that differ from run to run are not compared, and the others are. */
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int main(void)
{
    struct timespec now;
    char *text = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* silent */
    char *other = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    clock_gettime(CLOCK_MONOTONIC, &now);
    printf("pid %d at %ld.%09ld\n", (int)getpid(), (long)now.tv_sec, now.tv_nsec);
    if (text != MAP_FAILED)
        puts("with a cache");
    puts("done");
    if (text != MAP_FAILED)
        munmap(text, 4096);
    if (other != MAP_FAILED)
        munmap(other, 4096);
    return 0;
}
