#include "layer/entry.h"

static int rank(char c)
{
    if (c == '\0')
        return 0;
    return c == '/' ? 1 : (unsigned char)c + 1;
}

int entry_path_cmp(const char *a, const char *b)
{
    while (*a == *b && *a != '\0') {
        a++;
        b++;
    }
    return rank(*a) - rank(*b);
}
