#pragma once

#include <dnnl.hpp>
#include <string>
#include <unordered_map>

#if defined(_OPENMP)
#include <omp.h>
#endif

namespace bench {

struct peer {
    static std::string name() { return "oneDNN"; }
    static std::string version() {
        const dnnl::version_t* v = dnnl::version();
        return std::to_string(v->major) + "." + std::to_string(v->minor) + "." +
               std::to_string(v->patch);
    }
    /// One thread: compare.py sets OMP_NUM_THREADS.
    static void start() {}
};

inline constexpr bool takes_right_transposed = true;

class gemm {
  public:
    explicit gemm(const gemm_shape& s)
        : a(description(s.rows, s.depth, s.a_row, s.which == form::left_transposed), engine(),
            nullptr),
          b(description(s.depth, s.columns, s.b_row, s.which == form::right_transposed), engine(),
            nullptr),
          c(description(s.rows, s.columns, s.c_row, false), engine(), nullptr) {
        dnnl::primitive_attr attributes;
        if (s.accumulate) {
            dnnl::post_ops post;
            post.append_sum(1);
            attributes.set_post_ops(post);
        }
#if DNNL_VERSION_MAJOR >= 3
        product = dnnl::matmul(dnnl::matmul::primitive_desc(engine(), a.get_desc(), b.get_desc(),
                                                            c.get_desc(), attributes));
#else
        product = dnnl::matmul(dnnl::matmul::primitive_desc(
            dnnl::matmul::desc(a.get_desc(), b.get_desc(), c.get_desc()), attributes, engine()));
#endif
        arguments = {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}};
    }

    void operator()(const float* left, const float* right, float* to) {
        a.set_data_handle(const_cast<float*>(left));
        b.set_data_handle(const_cast<float*>(right));
        c.set_data_handle(to);
        product.execute(stream(), arguments);
    }

  private:
    static dnnl::engine& engine() {
        static dnnl::engine result(dnnl::engine::kind::cpu, 0);
        return result;
    }
    static dnnl::stream& stream() {
        static dnnl::stream result(engine());
        return result;
    }
    static dnnl::memory::desc description(int rows, int columns, int row, bool transposed) {
        const dnnl::memory::dims strides =
            transposed ? dnnl::memory::dims{1, row} : dnnl::memory::dims{row, 1};
        return {{rows, columns}, dnnl::memory::data_type::f32, strides};
    }

    dnnl::memory a, b, c;
    dnnl::matmul product;
    std::unordered_map<int, dnnl::memory> arguments;
};

}  // namespace bench
