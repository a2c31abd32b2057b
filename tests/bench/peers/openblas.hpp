#pragma once

#include <cblas.h>

#include <cstdlib>
#include <string>

namespace bench {

struct peer {
    static std::string name() { return "OpenBLAS"; }
    static std::string version() {
        const std::string text = openblas_get_config();  // "OpenBLAS 0.3.21 ..."
        return text.substr(9, text.find(' ', 9) - 9) + " " + openblas_get_corename();
    }
    static void start() {
        const char* threads = std::getenv("BENCH_THREADS");
        openblas_set_num_threads(threads ? std::atoi(threads) : 1);
    }
};

inline constexpr bool takes_right_transposed = true;

class gemm {
  public:
    explicit gemm(const gemm_shape& shape) : s(shape) {}

    void operator()(const float* a, const float* b, float* c) const {
        cblas_sgemm(CblasRowMajor, s.which == form::left_transposed ? CblasTrans : CblasNoTrans,
                    s.which == form::right_transposed ? CblasTrans : CblasNoTrans, s.rows,
                    s.columns, s.depth, 1, a, s.a_row, b, s.b_row, s.accumulate ? 1.0F : 0.0F, c,
                    s.c_row);
    }

  private:
    gemm_shape s;
};

}  // namespace bench
