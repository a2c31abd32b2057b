#pragma once

#include <Eigen/Dense>
#include <string>

namespace bench {

struct peer {
    static std::string name() { return "Eigen"; }
    static std::string version() {
        return std::to_string(EIGEN_WORLD_VERSION) + "." + std::to_string(EIGEN_MAJOR_VERSION) +
               "." + std::to_string(EIGEN_MINOR_VERSION);
    }
    static void start() {}
};

inline constexpr bool takes_right_transposed = true;

class gemm {
  public:
    explicit gemm(const gemm_shape& shape) : s(shape) {}

    void operator()(const float* a, const float* b, float* c) const {
        using matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
        using view = Eigen::Map<const matrix, 0, Eigen::OuterStride<>>;
        const bool left = s.which == form::left_transposed;
        const bool right = s.which == form::right_transposed;
        const view x(a, left ? s.depth : s.rows, left ? s.rows : s.depth,
                     Eigen::OuterStride<>(s.a_row));
        const view y(b, right ? s.columns : s.depth, right ? s.depth : s.columns,
                     Eigen::OuterStride<>(s.b_row));
        Eigen::Map<matrix, 0, Eigen::OuterStride<>> z(c, s.rows, s.columns,
                                                      Eigen::OuterStride<>(s.c_row));
        if (!s.accumulate) z.setZero();
        if (left)
            z.noalias() += x.transpose() * y;
        else if (right)
            z.noalias() += x * y.transpose();
        else
            z.noalias() += x * y;
    }

  private:
    gemm_shape s;
};

}  // namespace bench
