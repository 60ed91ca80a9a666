/* R2: calls from an IFUNC resolver and from another library's constructor do what they do without the library. */
#include "check.h"
#include <unistd.h>

extern int early_resolver, early_constructor;
extern int early_answer(void);

int main(void)
{
    CHECK(early_answer() == 42, "the resolved function answered %d", early_answer());
    CHECK(early_resolver == 1, "%d", early_resolver);
    CHECK(early_constructor == 1, "%d", early_constructor);
    CHECK(findings(2) > 0, "the constructor's mistakes were not seen");
    return 0;
}
