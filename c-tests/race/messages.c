/* A buffer whose owner is who has got the message of a System V queue. RACY: the one who gave it away goes on to write. */
#include "race.h"
#include <sys/msg.h>

struct message {
    long type;
    char text[8];
};

struct shared {
    int is_ready, queue;
    volatile long numbers[16];
};

int main(int argc, char **argv)
{
    struct shared *shared = share(argc, argv, sizeof *shared);
    if (side == 0) {
        shared->queue = msgget(IPC_PRIVATE, 0600);
        CHECK(shared->queue >= 0);
    }
    await(&shared->is_ready);
    struct message message = { .type = 1 };
    int queue = shared->queue;
    bool is_over = false;
    if (side == 1)
        CHECK(msgsnd(queue, &message, sizeof message.text, 0) == 0);
    while (!is_over) {
        CHECK(msgrcv(queue, &message, sizeof message.text, side + 1, 0) >= 0);
        is_over = message.text[0];
        for (int i = 0; i < 16; i++) {
            CHECK(IS_RACY || shared->numbers[i] == shared->numbers[0] - (i != 0)); /* race */
            shared->numbers[i]++; /* race */
        }
        message.text[0] = is_over || now() >= end_of_time;
        message.type = !side + 1;
        if (!is_over)
            CHECK(msgsnd(queue, &message, sizeof message.text, 0) == 0);
        for (int i = 0; IS_RACY && i < 50; i++)
            shared->numbers[15]++; /* race */
        is_over |= message.text[0];
    }
    int status = finish();
    msgctl(queue, IPC_RMID, NULL);
    return status;
}
