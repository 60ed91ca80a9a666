/* Compares with -1, and takes an id below 128. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    key_t key = ftok("/", 100);
    if (key == -1) {
        puts("no key");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
