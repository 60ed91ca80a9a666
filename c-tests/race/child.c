/* What a child has made is read when it has ended. RACY: as soon as it is started. */
#include "race.h"

int main(int argc, char **argv)
{
    volatile long *numbers = share(argc, argv, 4096);
    if (side == 1)
        return finish();
    while (now() < end_of_time) {
        pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            for (int turn = 0; turn < 400000; turn++)
                numbers[turn % 16] += turn; /* race */
            _exit(0);
        }
        int status;
        if (!IS_RACY)
            CHECK(waitpid(child, &status, 0) == child);
        long sum = 0;
        for (int turn = 0; turn < 400000; turn++)
            sum += numbers[turn % 16]; /* race */
        numbers[16] = sum;
        if (IS_RACY)
            CHECK(waitpid(child, &status, 0) == child);
    }
    return finish();
}
