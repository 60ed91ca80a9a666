/* Detaches a pointer that was never attached: the attach is behind a condition that did not hold. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

int main(void)
{
    void *memory = NULL;
    if (shmdt(memory) != 0) /* faulty */
        perror("shmdt");
    return EXIT_SUCCESS;
}
