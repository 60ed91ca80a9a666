/* The mode of the queue does not allow it.
 * mapsan-vary: effective uid \d+|(owner|creator) uid \d+ */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <unistd.h>

struct mail {
    long type;
    char text[64];
};

int main(void)
{
    struct mail mail = {1, "post"};
    struct msqid_ds state;
    if (getuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 1;
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    if (id < 0 || msgctl(id, IPC_STAT, &state) != 0)
        return 1;
    state.msg_perm.mode = 0200;
    if (msgctl(id, IPC_SET, &state) != 0)
        return 1;
    if (msgrcv(id, &mail, sizeof mail.text, 0, IPC_NOWAIT) < 0) /* faulty */
        perror("msgrcv");
    return msgctl(id, IPC_RMID, NULL);
}
