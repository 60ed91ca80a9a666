/* Each rank hands a number on to the next; rank 1 unmaps its buffer twice. */
#include <mpi.h>
#include <stdio.h>
#include <sys/mman.h>

int main(int argc, char **argv)
{
    int rank, size, token = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    int *buffer = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (buffer == MAP_FAILED)
        MPI_Abort(MPI_COMM_WORLD, 1);
    if (rank == 0) {
        MPI_Send(&size, 1, MPI_INT, 1 % size, 0, MPI_COMM_WORLD);
        MPI_Recv(&token, 1, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        printf("the number came back: %d\n", token);
    } else {
        MPI_Recv(buffer, 1, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        MPI_Send(buffer, 1, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
    }
    munmap(buffer, 4096);
    if (rank == 1)
        munmap(buffer, 4096); /* the mistake */
    MPI_Finalize();
    return 0;
}
