/* Takes a number of its own for the id: of 1025, ftok uses 1. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    int room = 1025;
    key_t key = ftok("/", room); /* faulty */
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
