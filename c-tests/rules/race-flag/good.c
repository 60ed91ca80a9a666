/* Parent and child hand a turn to each other by an atomic. */
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    atomic_int *turn = mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    pid_t child = fork();
    int mine = child == 0;
    for (int i = 0; i < 2000; i++) {
        while (atomic_load_explicit(turn, memory_order_acquire) != mine)
            usleep(10);
        atomic_store_explicit(turn, !mine, memory_order_release);
    }
    if (child == 0)
        _exit(0);
    wait(NULL);
    munmap(turn, sizeof *turn);
    return 0;
}
