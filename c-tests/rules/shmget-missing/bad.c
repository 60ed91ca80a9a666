/* Looks for the server's segment, and the server does not run. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(0x4d53, 4096, 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
