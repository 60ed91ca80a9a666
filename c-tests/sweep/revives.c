/* A server makes its workers first, and makes a new one in place of each that dies: the work is done either way. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define TRIES 10

static void work(int *board, int number)
{
    char *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* unchecked */

    buffer[0] = 'a';
    board[number] = 1;
    munmap(buffer, 4096);
    _exit(0);
}

int main(void)
{
    int *board = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[WORKERS];
    int left = WORKERS;

    if (board == MAP_FAILED)
        return perror("mmap"), 1;
    for (int i = 0; i < WORKERS; i++) {
        pids[i] = fork();
        if (pids[i] == 0)
            work(board, i);
    }
    for (int tries = 0; left > 0 && tries < TRIES; tries++) {
        int status, number = 0;
        pid_t pid = wait(&status);

        while (number < WORKERS - 1 && pids[number] != pid)
            number++;
        if (status == 0) {
            left--;
            continue;
        }
        pids[number] = fork();
        if (pids[number] == 0)
            work(board, number);
    }
    printf("%d\n", board[0] + board[1] + board[2]);
    return left > 0;
}
