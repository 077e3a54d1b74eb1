#include "base/base.h"

int main(void)
{
    puts("gpuwise " GW_VERSION);
    return 0;
}
