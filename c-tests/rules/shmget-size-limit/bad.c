/* Asks for more than any segment may have.
 * mapsan-vary: kernel\.shmmax allows \d+ bytes */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, SIZE_MAX, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("shmget");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
