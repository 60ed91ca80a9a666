/* An exception leaves the function, and the catcher detaches what was never attached. */
#include <stdexcept>
#include <sys/shm.h>

static char *attach(int id)
{
    void *at = shmat(id, nullptr, 0);
    if (at == reinterpret_cast<void *>(-1))
        throw std::runtime_error("no segment");
    return static_cast<char *>(at);
}

int main()
{
    char *at = reinterpret_cast<char *>(-1);
    try {
        at = attach(-1);
    } catch (const std::runtime_error &) {
        shmdt(at);
    }
    return 0;
}
