#include <sequent/kernel/math.hpp>

#include "../bench.hpp"
#include "../reference.hpp"
#include "gemm.hpp"

// Attention composed by hand as an engineer would who has a good matrix product: one product for
// all projections, blocks of scores that stay in the cache, a vectorised softmax whose sums divide
// the output and not the scores, nothing computed for blocks that a mask leaves out. The gradient
// keeps the exponentials.

namespace {

using namespace bench;
namespace kernel = sequent::kernel;

constexpr int lanes = kernel::lanes<float>;
using batch = kernel::batch<float>;

constexpr int rounded_up(int n) {
    return (n + lanes - 1) / lanes * lanes;
}

/// Some positions of a sequence that attend only to each other: `first`, `first + step`, ...
struct group {
    int first, step, length;
};

/// Rows of a group against those keys of it that one of them attends to.
struct block {
    int row, rows, key, keys;
    int width() const { return rounded_up(keys); }
};

std::vector<group> groups_of(const attention_case& c) {
    if (c.kind != mask::every_8th) return {{0, 1, c.tokens}};
    std::vector<group> result;
    for (int first = 0; first < 8; ++first)
        result.push_back({first, 8, (c.tokens - first + 7) / 8});
    return result;
}

std::vector<block> blocks_of(const attention_case& c, const group& g) {
    const int most = c.kind == mask::window_32                 ? 32
                     : c.kind == mask::none && g.length <= 128 ? 128
                                                               : 64;
    std::vector<block> result;
    for (int row = 0; row < g.length; row += most) {
        const int rows = std::min(most, g.length - row);
        const int key = c.kind == mask::window_32 ? std::max(0, row - 32) : 0;
        const int end = c.kind == mask::none ? g.length : row + rows;
        result.push_back({row, rows, key, end - key});
    }
    return result;
}

/// Turns rows x columns, with the given strides of rows: short ones as the compiler does it best.
void transpose(const float* from, int rows, int columns, int from_row, float* to, int to_row) {
    constexpr int group = kernel::transposed_columns<float>;
    const int whole_rows = rows < 64 ? 0 : rows / lanes * lanes;
    const int whole_columns = columns / group * group;
    for (int i = 0; i < whole_rows; i += lanes)
        for (int j = 0; j < whole_columns; j += group) {
            batch out[group];
            kernel::load_transposed(
                from + i * from_row + j, [=](int row) { return row * from_row; }, out);
            for (int k = 0; k < group; ++k) kernel::store(to + (j + k) * to_row + i, out[k]);
        }
    int j = 0;
    for (; j + lanes <= columns; j += lanes)
        for (int i = whole_rows; i < rows; ++i)
            for (int l = 0; l < lanes; ++l) to[(j + l) * to_row + i] = from[i * from_row + j + l];
    for (; j < columns; ++j)
        for (int i = j < whole_columns ? whole_rows : 0; i < rows; ++i)
            to[j * to_row + i] = from[i * from_row + j];
}

class composed {
  public:
    composed(const attention_case& of, const std::map<std::string, floats>& given)
        : c(of),
          x(given.at("x")),
          w(to_size(3 * d * d)),
          w_out(to_size(c.joins() ? d * d : 0)),
          qkv(to_size(3 * n * d)),
          joined(to_size(n * d)),
          y(to_size(c.joins() ? n * d : 0)),
          inverse_sums(to_size(n * c.heads)),
          project({form::plain, n, 3 * d, d, d, 3 * d, 3 * d}),
          join({form::plain, n, d, d, d, d, d}),
          join_back({form::right_transposed, n, d, d, d, d, d}),
          join_weights({form::left_transposed, d, d, n, d, d, d}),
          project_back({form::right_transposed, n, d, 3 * d, 3 * d, 3 * d, d}),
          project_weights({form::left_transposed, d, 3 * d, n, d, 3 * d, 3 * d}) {
        for (int which = 0; which < 3; ++which)
            turn(given.at(input_weights[which]), w.data() + which * d, 3 * d);
        if (c.joins()) turn(given.at("W_out"), w_out.data(), d);
        std::size_t score = 0;
        for (int head = 0; head < c.heads; ++head)
            for (const group& g : groups_of(c)) {
                runs.push_back({g, head, {}});
                const std::vector<block> blocks = blocks_of(c, g);
                for (const block& b : blocks) {
                    runs.back().steps.emplace_back(b, g, c, blocks.size() > 1, score);
                    score += to_size(b.rows * b.width());
                }
            }
        scores.resize(score);
        score_gradients.resize(score);
        turned.resize(to_size(rounded_up(n) * c.head_width()));
        scaled.resize(to_size(n * c.head_width()));
    }

    /// With `kept`, what the gradient needs stays; else the blocks share their memory.
    const floats& forward(bool kept) {
        project(x.data(), w.data(), qkv.data());
        for (run& each : runs) {
            const float* q = at(qkv, each, 0, 3 * d);
            const float* k = at(qkv, each, 1, 3 * d);
            const float* v = at(qkv, each, 2, 3 * d);
            const int row = 3 * d * each.g.step, length = each.g.length;
            if (!takes_right_transposed)
                transpose(k, length, part, row, turned.data(), rounded_up(length));
            for (step& s : each.steps) {
                float* score = scores.data() + (kept ? s.score : 0);
                const float* keys =
                    takes_right_transposed ? k + s.b.key * row : turned.data() + s.b.key;
                s.scores(q + s.b.row * row, keys, score);
                float* to = at(joined, each, 0, d) + s.b.row * d * each.g.step;
                softmax(s.b, each, score);
                s.values(score, v + s.b.key * row, to);
                for (int i = 0; i < s.b.rows; ++i)
                    scale(to + i * d * each.g.step, inverse_sum(each, s.b.row + i),
                          to + i * d * each.g.step);
            }
        }
        if (!c.joins()) return joined;
        join(joined.data(), w_out.data(), y.data());
        return y;
    }

    /// After forward(true).
    void backward(const floats& outward) {
        const float* d_joined = outward.data();
        if (c.joins()) {
            joined_gradient.resize(joined.size());
            w_out_gradient.resize(w_out.size());
            join_back(outward.data(), w_out.data(), joined_gradient.data());
            join_weights(joined.data(), outward.data(), w_out_gradient.data());
            d_joined = joined_gradient.data();
        }
        qkv_gradient.resize(qkv.size());
        x_gradient.resize(x.size());
        w_gradient.resize(w.size());
        if (runs[0].steps.size() > 1) std::fill(qkv_gradient.begin(), qkv_gradient.end(), 0.0F);
        for (run& each : runs) {
            const float* q = at(qkv, each, 0, 3 * d);
            const float* k = at(qkv, each, 1, 3 * d);
            const float* v = at(qkv, each, 2, 3 * d);
            float* dq = at(qkv_gradient, each, 0, 3 * d);
            float* dk = at(qkv_gradient, each, 1, 3 * d);
            float* dv = at(qkv_gradient, each, 2, 3 * d);
            const int row = 3 * d * each.g.step, length = each.g.length;
            if (!takes_right_transposed)
                transpose(v, length, part, row, turned.data(), rounded_up(length));
            for (step& s : each.steps) {
                const int first = (each.g.first + s.b.row * each.g.step) * d + each.head * part;
                const float* from = d_joined + first;
                const float* score = scores.data() + s.score;
                float* gradient = score_gradients.data();
                const float* values =
                    takes_right_transposed ? v + s.b.key * row : turned.data() + s.b.key;
                s.score_gradients(from, values, gradient);
                for (int i = 0; i < s.b.rows; ++i) {
                    const float inverse = inverse_sum(each, s.b.row + i);
                    const float* dy = from + i * d * each.g.step;
                    const float mean = dot(dy, joined.data() + first + i * d * each.g.step);
                    scale(dy, inverse, scaled.data() + i * part);
                    const batch means = kernel::set(mean), factor = kernel::set(inverse * root());
                    for (int j = 0; j < s.b.width(); j += lanes) {
                        float* to = gradient + i * s.b.width() + j;
                        kernel::store(to, (kernel::load(to) - means) * factor *
                                              kernel::load(score + i * s.b.width() + j));
                    }
                }
                s.queries(gradient, k + s.b.key * row, dq + s.b.row * row);
                s.key_gradients(gradient, q + s.b.row * row, dk + s.b.key * row);
                s.value_gradients(score, scaled.data(), dv + s.b.key * row);
            }
        }
        project_back(qkv_gradient.data(), w.data(), x_gradient.data());
        project_weights(x.data(), qkv_gradient.data(), w_gradient.data());
    }

    reference::named gradient() const {
        reference::named result{{"x", widened(x_gradient)}};
        const auto turned_back = [&](const floats& from, int first, int row) {
            doubles out;
            for (int r = 0; r < d; ++r)
                for (int e = 0; e < d; ++e)
                    out.push_back(double{from[to_size(e * row + first + r)]});
            return out;
        };
        for (int which = 0; which < 3; ++which)
            result[input_weights[which]] = turned_back(w_gradient, which * d, 3 * d);
        if (c.joins()) result["W_out"] = turned_back(w_out_gradient, 0, d);
        return result;
    }

  private:
    static constexpr const char* input_weights[] = {"W_query", "W_key", "W_value"};

    /// Weights as a product of rows wants them: inputs x outputs.
    void turn(const floats& from, float* to, int row) const {
        for (int r = 0; r < d; ++r)
            for (int e = 0; e < d; ++e) to[e * row + r] = from[to_size(r * d + e)];
    }

    /// The products of a block.
    struct step {
        block b;
        std::size_t score;
        gemm scores, values, score_gradients, queries, key_gradients, value_gradients;

        step(const block& of, const group& g, const attention_case& c, bool adds, std::size_t place)
            : b(of),
              score(place),
              scores(right(of, g, c, 3 * c.width * g.step)),
              values({form::plain, of.rows, c.head_width(), of.keys, of.width(),
                      3 * c.width * g.step, c.width * g.step}),
              score_gradients(right(of, g, c, c.width * g.step)),
              queries({form::plain, of.rows, c.head_width(), of.keys, of.width(),
                       3 * c.width * g.step, 3 * c.width * g.step}),
              key_gradients({form::left_transposed, of.keys, c.head_width(), of.rows, of.width(),
                             3 * c.width * g.step, 3 * c.width * g.step, adds}),
              value_gradients({form::left_transposed, of.keys, c.head_width(), of.rows, of.width(),
                               c.head_width(), 3 * c.width * g.step, adds}) {}

        static gemm_shape right(const block& of, const group& g, const attention_case& c,
                                int a_row) {
            return {takes_right_transposed ? form::right_transposed : form::plain,
                    of.rows,
                    of.keys,
                    c.head_width(),
                    a_row,
                    takes_right_transposed ? 3 * c.width * g.step : rounded_up(g.length),
                    of.width()};
        }
    };
    struct run {
        group g;
        int head;
        std::vector<step> steps;
    };

    /// The head's numbers of a group's first position, in one of the matrices side by side.
    float* at(floats& list, const run& each, int which, int row) const {
        return list.data() + each.g.first * row + which * d + each.head * part;
    }
    float& inverse_sum(const run& each, int row) {
        return inverse_sums[to_size((each.g.first + row * each.g.step) * c.heads + each.head)];
    }
    float root() const { return 1 / std::sqrt(static_cast<float>(part)); }

    void scale(const float* from, float by, float* to) const {
        for (int e = 0; e < part; ++e) to[e] = by * from[e];
    }
    float dot(const float* a, const float* b) const {
        batch sum = kernel::zero<float>();
        int e = 0;
        for (; e + lanes <= part; e += lanes)
            sum = kernel::fma(kernel::load(a + e), kernel::load(b + e), sum);
        float result = kernel::reduce_add(sum);
        for (; e < part; ++e) result += a[e] * b[e];
        return result;
    }

    /// Exponentials in place of the scores, zero where there is no pair.
    void softmax(const block& b, const run& each, float* score) {
        for (int i = 0; i < b.rows; ++i, score += b.width()) {
            const int row = b.row + i;
            const int end = c.kind == mask::none ? b.keys : row - b.key + 1;
            const int begin = c.kind == mask::window_32 ? std::max(0, row - 32 - b.key) : 0;
            const int from = begin / lanes * lanes, to = rounded_up(end);
            std::fill(score, score + begin, -INFINITY);
            std::fill(score + end, score + to, -INFINITY);
            batch most = kernel::load(score + from);
            for (int j = from + lanes; j < to; j += lanes)
                most = xsimd::max(most, kernel::load(score + j));
            const batch factor = kernel::set(root());
            const batch less = kernel::set(kernel::reduce_max(most) * root());
            batch sum = kernel::zero<float>();
            for (int j = from; j < to; j += lanes) {
                const batch e = kernel::exp(kernel::fma(kernel::load(score + j), factor, -less));
                sum += e;
                kernel::store(score + j, e);
            }
            std::fill(score, score + from, 0.0F);
            std::fill(score + to, score + b.width(), 0.0F);
            inverse_sum(each, row) = 1 / kernel::reduce_add(sum);
        }
    }

    attention_case c;
    int n = c.tokens, d = c.width, part = c.head_width();
    floats x, w, w_out, qkv, joined, y, inverse_sums, scores, score_gradients, turned, scaled;
    floats x_gradient, w_gradient, w_out_gradient, joined_gradient, qkv_gradient;
    gemm project, join, join_back, join_weights, project_back, project_weights;
    std::vector<run> runs;
};

void forward(benchmark::State& state, attention_case c) {
    const auto given = reference::drawn(c);
    composed program(c, given);
    for (auto _ : state) {
        benchmark::DoNotOptimize(program.forward(false).data());
        benchmark::ClobberMemory();
    }
    report(state, c.forward_flop());
    check(state, [&] {
        return error(program.forward(false), reference::attention(c, reference::widened(given)));
    });
}

void both(benchmark::State& state, attention_case c) {
    const auto given = reference::drawn(c);
    const floats outward = numbers(c.tokens * c.width, 7);
    composed program(c, given);
    for (auto _ : state) {
        benchmark::DoNotOptimize(program.forward(true).data());
        program.backward(outward);
        benchmark::ClobberMemory();
    }
    report(state, c.both_flop());
    check(state, [&] {
        return reference::gradient_error(
            reference::widened(given), program.gradient(), [&](const reference::named& at) {
                return reference::dot(reference::attention(c, at), outward);
            });
    });
}

}  // namespace

int main(int argc, char** argv) {
    peer::start();
    for (const attention_case& c : attention_cases) {
        benchmark::RegisterBenchmark((std::string(c.name) + ", forward").c_str(), forward, c);
        benchmark::RegisterBenchmark((std::string(c.name) + ", forward and backward").c_str(), both,
                                     c);
    }
    return run(argc, argv, peer::name() + ", by hand", peer::version());
}
