/* A library of several pages of code, to be written over. */
__attribute__((aligned(65536))) int early(void) { return 1; }

const char table[4 * 4096] = "data";

__attribute__((aligned(65536))) int late(void)
{
    volatile int sum = 1;
    for (int i = 0; i < 41; i++)
        sum++;
    return sum;
}
