/* Changes the mode of its segment alone, and looks at all segments up to an index that none has. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    struct shmid_ds state;
    if (id < 0 || shmctl(id, IPC_STAT, &state) != 0) {
        perror("segment");
        return EXIT_FAILURE;
    }
    state.shm_perm.mode = 0640;
    if (shmctl(id, IPC_SET, &state) != 0)
        perror("mode");
    int index = 0, known = 0;
    while (index < 10000 && shmctl(index, SHM_STAT, &state) >= 0)
        known += index++ >= 0;
    return shmctl(id, IPC_RMID, NULL) == 0 && known >= 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
