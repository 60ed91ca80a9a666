/* Numbers its segments from 1. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    key_t key = ftok("/", 1);
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
