/* Detaches a segment and looks at its contents once more. */
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
    shmdt(state);
    shmctl(id, IPC_RMID, NULL);
    int jobs = state[2]; /* faulty */
    printf("%d jobs\n", jobs);
    return EXIT_SUCCESS;
}
