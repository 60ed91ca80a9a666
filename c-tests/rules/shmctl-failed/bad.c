/* Changes the mode of its segment, and takes -1 for "leave the owner as it is", as for chown. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>

int main(void)
{
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    struct shmid_ds state = {0};
    state.shm_perm.uid = (uid_t)-1;
    state.shm_perm.mode = 0640;
    if (id < 0 || shmctl(id, IPC_SET, &state) != 0) /* faulty */
        perror("mode");
    return shmctl(id, IPC_RMID, NULL) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
