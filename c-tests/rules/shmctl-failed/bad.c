/* Asks for the state by an index that no segment has. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

int main(void)
{
    struct shmid_ds state;
    if (shmctl(12345, SHM_STAT, &state) < 0) /* faulty */
        perror("shmctl");
    return EXIT_SUCCESS;
}
