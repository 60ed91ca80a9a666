/* Keeps the id in the 8 bits that ftok uses. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    int room = 25;
    key_t key = ftok("/", room);
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
