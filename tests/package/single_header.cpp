// Only single_include/ is on the include path.

#include <sequent/sequent.hpp>

#include <cstdio>

int main() {
    std::printf("sequent %d.%d.%d\n", SEQUENT_VERSION_MAJOR, SEQUENT_VERSION_MINOR,
                SEQUENT_VERSION_PATCH);
}
