/* Looks at what ftok returns before it is used. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    key_t key = ftok("/", 'A');
    if (key == -1) {
        perror("ftok");
        return 1;
    }
    int id = msgget(key, IPC_CREAT | 0600);
    if (id < 0) {
        perror("msgget");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
