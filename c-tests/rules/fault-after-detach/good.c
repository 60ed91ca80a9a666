/* Looks at the contents of a segment and detaches it then. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 512, IPC_CREAT | 0600);
    int *state = id < 0 ? (void *)-1 : shmat(id, NULL, 0);
    if (state == (void *)-1) {
        perror("state");
        return EXIT_FAILURE;
    }
    state[2] = 7;
    int jobs = state[2];
    shmdt(state);
    shmctl(id, IPC_RMID, NULL);
    printf("%d jobs\n", jobs);
    return EXIT_SUCCESS;
}
