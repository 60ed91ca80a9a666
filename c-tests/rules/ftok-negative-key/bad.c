/* Takes every negative key for a failure; with ids from 128 on, good keys are negative. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    key_t key = ftok("/", 200); /* faulty */
    if (key < 0) {
        puts("no key");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
