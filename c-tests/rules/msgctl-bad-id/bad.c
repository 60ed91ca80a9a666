/* Removes its queue when it is done, and once more on its way out. */
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
    if (msgctl(id, IPC_RMID, NULL) != 0) /* faulty */
        perror("way out");
    return 0;
}
