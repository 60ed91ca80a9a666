/* Numbers its segments from 0, and POSIX says nothing of the key for id 0. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    key_t key = ftok("/", 0); /* faulty */
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
