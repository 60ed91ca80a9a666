/* A bitmap in which each takes bits and lets them go. RACY: by plain moves, each bit's byte has the other's, too. */
#include "race.h"

static bool change(unsigned char *byte, unsigned char bits, bool sets)
{
#ifdef RACY
    volatile unsigned char *plain = byte;
    unsigned char before = *plain; /* race */
    *plain = sets ? before | bits : before & (unsigned char)~bits; /* race */
    return before & bits;
#else
    if (sets)
        return __sync_fetch_and_or(byte, bits) & bits;
    return __sync_fetch_and_and(byte, (unsigned char)~bits) & bits;
#endif
}

int main(int argc, char **argv)
{
    unsigned char *map = share(argc, argv, 4096);
    for (unsigned turn = 0; goes_on(); turn++) {
        unsigned char *byte = &map[100 + turn % 24];
        CHECK(!change(byte, side ? 0x02 : 0x40, true) || IS_RACY);
        spend(60);
        CHECK(change(byte, side ? 0x02 : 0x40, false) || IS_RACY);
    }
    return finish();
}
