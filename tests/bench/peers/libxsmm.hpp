#pragma once

#include <libxsmm.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bench {

struct peer {
    static std::string name() { return "libxsmm"; }
    static std::string version() {
        std::string text = LIBXSMM_VERSION;  // "release-1.17" or "2.0.0-16421"
        if (text.starts_with("release-")) text = text.substr(8);
        return text.substr(0, text.find('-')) + " " + libxsmm_get_target_arch();
    }
    static void start() { libxsmm_init(); }
};

// The kernels made at run time take no transposed right operand before version 2, and transpose it
// in front of every product since.
inline constexpr bool takes_right_transposed = false;

/// libxsmm is column-major: C^T = B^T A^T.
class gemm {
  public:
    explicit gemm(const gemm_shape& shape) : s(shape) {
        const bool turned = s.which == form::right_transposed;
        if (turned) copy.resize(static_cast<std::size_t>(s.columns) * s.depth);
        int flags = s.which == form::left_transposed ? LIBXSMM_GEMM_FLAG_TRANS_B : 0;
        const int b_row = turned ? s.columns : s.b_row;
#if LIBXSMM_CONFIG_VERSION_MAJOR >= 2
        if (!s.accumulate) flags |= LIBXSMM_GEMM_FLAG_BETA_0;
        kernel = libxsmm_dispatch_gemm(
            libxsmm_create_gemm_shape(s.columns, s.rows, s.depth, b_row, s.a_row, s.c_row,
                                      LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_F32,
                                      LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_F32),
            static_cast<libxsmm_bitfield>(flags), LIBXSMM_GEMM_PREFETCH_NONE);
        if (turned)
            turn = libxsmm_dispatch_meltw_unary(
                LIBXSMM_MELTW_TYPE_UNARY_TRANSFORM_NORM_TO_NORMT,
                libxsmm_create_meltw_unary_shape(s.depth, s.columns, s.b_row, s.columns,
                                                 LIBXSMM_DATATYPE_F32, LIBXSMM_DATATYPE_F32,
                                                 LIBXSMM_DATATYPE_F32),
                LIBXSMM_MELTW_FLAG_UNARY_NONE);
        if (turned && !turn) throw std::runtime_error("libxsmm made no transposition");
#else
        const float one = 1, beta = s.accumulate ? 1.0F : 0.0F;
        const int none = LIBXSMM_GEMM_PREFETCH_NONE;
        kernel = libxsmm_smmdispatch(s.columns, s.rows, s.depth, &b_row, &s.a_row, &s.c_row, &one,
                                     &beta, &flags, &none);
#endif
        if (!kernel) throw std::runtime_error("libxsmm made no kernel");
    }

    void operator()(const float* a, const float* b, float* c) {
        if (s.which == form::right_transposed) {
            transpose(b, copy.data());
            b = copy.data();
        }
#if LIBXSMM_CONFIG_VERSION_MAJOR >= 2
        libxsmm_gemm_param param{};
        param.a.primary = const_cast<float*>(b);
        param.b.primary = const_cast<float*>(a);
        param.c.primary = c;
        kernel(&param);
#else
        kernel(b, a, c);
#endif
    }

  private:
    void transpose(const float* from, float* to) const {
#if LIBXSMM_CONFIG_VERSION_MAJOR >= 2
        libxsmm_meltw_unary_param param{};
        param.in.primary = const_cast<float*>(from);
        param.out.primary = to;
        turn(&param);
#else
        libxsmm_otrans(to, from, sizeof(float), static_cast<libxsmm_blasint>(s.depth),
                       static_cast<libxsmm_blasint>(s.columns), s.b_row, s.columns);
#endif
    }

    gemm_shape s;
    std::vector<float> copy;
#if LIBXSMM_CONFIG_VERSION_MAJOR >= 2
    libxsmm_gemmfunction kernel = nullptr;
    libxsmm_meltwfunction_unary turn = nullptr;
#else
    libxsmm_smmfunction kernel = nullptr;
#endif
};

}  // namespace bench
