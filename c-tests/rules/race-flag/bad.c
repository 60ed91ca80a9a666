/* Parent and child hand a turn to each other by a variable that is no atomic. */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
    volatile int *turn = mmap(NULL, sizeof *turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (turn == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    pid_t child = fork();
    int mine = child == 0;
    for (int i = 0; i < 20 * 1000; i++) {
        while (*turn != mine) /* faulty */
            usleep(10);
        *turn = !mine; /* faulty */
    }
    if (child > 0)
        wait(NULL);
    return 0;
}
