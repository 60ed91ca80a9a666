/* Removes each queue after its use. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    for (int made = 0; made < 5; made++) {
        int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
        if (id < 0 || msgctl(id, IPC_RMID, NULL) != 0) {
            perror("msgget");
            return 1;
        }
    }
    return 0;
}
