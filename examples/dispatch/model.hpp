#pragma once

// What the rest of the program knows of the model: plain functions on plain memory. No type of the
// library stands here, because each instruction set has its own.

/// The model as one instruction set computes it.
struct implementation {
    const char* instruction_set;

    void* (*create)(unsigned seed);
    void (*destroy)(void* model);
    /// Input and output are 16 x 32 numbers.
    void (*forward)(void* model, const float* input, float* output);
};

inline constexpr int model_inputs = 16 * 32;
