/* Makes a key from a file that nobody has created. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>

int main(void)
{
    key_t key = ftok("keyfile", 'A'); /* faulty */
    if (key == -1) {
        perror("ftok");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
