/* Removes its queue once, and remembers it. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgctl(id, IPC_RMID, NULL) != 0) {
        perror("done");
        return 1;
    }
    id = -1;
    if (id >= 0 && msgctl(id, IPC_RMID, NULL) != 0)
        perror("way out");
    return 0;
}
