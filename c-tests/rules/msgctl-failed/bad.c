/* Gives it to user -1, as if that meant "unchanged". */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>

int main(void)
{
    struct msqid_ds state;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgctl(id, IPC_STAT, &state) != 0)
        return 1;
    state.msg_perm.uid = (uid_t)-1;
    if (msgctl(id, IPC_SET, &state) != 0) /* faulty */
        perror("owner");
    return msgctl(id, IPC_RMID, NULL);
}
