/* mapsan: disable=ftok-path */
/* Uses the key -1 of an ftok that failed: a queue that every program with this mistake shares. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    key_t key = ftok("no such file", 'A');
    int id = msgget(key, IPC_CREAT | 0600); /* faulty */
    if (id < 0) {
        perror("msgget");
        return 1;
    }
    return msgctl(id, IPC_RMID, NULL);
}
