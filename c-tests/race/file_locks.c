/* One at a time by a lock on a file: flock, or fcntl's (LOCK=fcntl). RACY: the forked one has the lock of the
   other by the descriptor that it inherited; with fcntl, another descriptor of the file is closed, which ends the lock. */
#include "race.h"
#include <sys/file.h>

static void lock(int file, bool is_fcntl, bool takes)
{
    struct flock whole = { .l_type = takes ? F_WRLCK : F_UNLCK, .l_whence = SEEK_SET };
    if (is_fcntl)
        CHECK(fcntl(file, F_SETLKW, &whole) == 0);
    else
        CHECK(flock(file, takes ? LOCK_EX : LOCK_UN) == 0);
}

int main(int argc, char **argv)
{
    bool is_fcntl = getenv("LOCK") != NULL;
    int inherited = open("lock", O_CREAT | O_RDWR, 0600);
    volatile long *numbers = share(argc, argv, 4096);
    /* Each opens it for itself: a forked descriptor has the lock of the other. */
    int file = IS_RACY && !is_fcntl ? inherited : open("lock", O_RDWR);
    CHECK(file >= 0);
    while (goes_on()) {
        lock(file, is_fcntl, true);
        if (IS_RACY && is_fcntl)
            close(open("lock", O_RDONLY));
        CHECK(IS_RACY || numbers[0] == numbers[1]);
        numbers[0]++; /* race */
        numbers[1]++; /* race */
        lock(file, is_fcntl, false);
    }
    return finish();
}
