#pragma once

struct result {
    int lanes = 0;
    void (*initialize)() = nullptr;  // a function of the library, as this half calls it
    double output = 0;
    double gradient = 0;
};

result run_base();
result run_best();
