/* Where there is no memory, the program takes a sum of nothing for a result. */
#include <stdio.h>
#include <sys/mman.h>

static int total(void)
{
    int *numbers = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* faulty */
    int sum = 0;

    if (numbers == MAP_FAILED)
        return 0;
    for (int i = 0; i < 10; i++)
        numbers[i] = i;
    for (int i = 0; i < 10; i++)
        sum += numbers[i];
    munmap(numbers, 4096);
    return sum;
}

int main(void)
{
    printf("%d\n", total());
    return 0;
}
