/* mapsan: leaks=0 */
/* Removes a segment that belongs to another user. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/shm.h>
#include <unistd.h>

int main(void)
{
    if (getuid() != 0) {
        puts("a segment of another user takes root");
        return 77;
    }
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0644);
    if (id < 0 || setresuid(65534, 65534, 65534) != 0) {
        perror("server");
        return EXIT_FAILURE;
    }
    if (shmctl(id, IPC_RMID, NULL) != 0) /* faulty */
        perror("shmctl");
    return EXIT_SUCCESS;
}
