#include "sequent/kernel/kept_attention.hpp"

#include "attention_case.hpp"

namespace {

using namespace shapes;

/// Which operands lie turned: none, or all that depend on the column; and from which column on.
enum class layout { plain, turned, sliding };

template <class Base, layout Layout, bool Shares = false, bool Table = false>
struct kept : Base {
    static constexpr bool is_table = Table;
    static constexpr bool is_causal = Layout == layout::sliding;
    static constexpr bool shares = Shares;
    static constexpr int pitch = Layout == layout::plain ? 0 : (Base::columns + 15) / 16 * 16 + 16;
    static constexpr int value_pitch = pitch;
    static constexpr bool value_slides = Layout == layout::sliding;
    static constexpr auto pitches = [] {
        std::array<int, to_size(Base::nodes.size())> result{};
        for (int at = 0; at < Base::nodes.size(); ++at) {
            const score_node node = Base::nodes[at];
            if (node.op == score_op::dot || (node.op == score_op::load && node.x_row == 0))
                result[to_size(at)] = pitch;
        }
        return result;
    }();
    static constexpr auto slides = [] {
        std::array<bool, to_size(Base::nodes.size())> result{};
        result.fill(value_slides);
        return result;
    }();
    struct mask {
        static bool is_listed(int i, int j) { return (3 * i + 7 * j) % 5 < 2; }
        static bool keeps(int i, int j, const int* counts) {
            return Base::mask::keeps(i, j, counts) && (!Table || is_listed(i, j));
        }
    };
};

/// Columns [first, count) of an operand, turned; NaN elsewhere.
template <class T>
std::vector<T> turn(const buffer<T>& from, int stride, int depth, int pitch, int first, int count) {
    std::vector<T> result(to_size(depth * pitch), std::numeric_limits<T>::quiet_NaN());
    for (int c = first; c < count; ++c)
        for (int k = 0; k < depth; ++k)
            result[to_size(k * pitch + c - first)] = from[c * stride + k];
    return result;
}

/// Queries rows at once, of as many problems; if they share, their keys and values are the first's.
template <class Shape, class T, int Queries>
void attend(std::vector<problem<T>>& of, int row) {
    constexpr int pitch = Shape::pitch;
    constexpr int nodes = Shape::nodes.size();
    const int first = Shape::value_slides ? std::max(row - 40, 0) / 16 * 16 : 0;
    const int count = Shape::is_causal ? row + 1 : Shape::columns;
    std::vector<std::vector<T>> turned;
    kernel::detail::kept_operands<nodes, T> queries[Queries];
    const auto operand = [&](const buffer<T>& from, int stride, int depth) {
        if (pitch == 0) return from.get();
        turned.push_back(turn(from, stride, depth, pitch, first, count));
        return static_cast<const T*>(turned.back().data());
    };
    for (int q = 0; q < Queries; ++q) {
        problem<T>& one = of[to_size(q)];
        const problem<T>& shared = of[to_size(Shape::shares ? q / 2 * 2 : q)];
        for (int at = 0; at < nodes; ++at) {
            const std::size_t place = to_size(at);
            const score_node node = Shape::nodes[at];
            queries[q].x[place] = one.x[place].get();
            if (node.op == score_op::dot)
                queries[q].y[place] = operand(shared.y[place], node.y_column, node.depth);
            else if (Shape::pitches[place] > 0)
                queries[q].x[place] = operand(one.x[place], node.x_column, 1);
            queries[q].base[place] = T(0.25);
        }
        queries[q].value = operand(shared.value, Shape::value_column, Shape::length);
        queries[q].out = one.out.get();
    }
    std::uint64_t bits[Shape::columns / 64 + 2]{};
    for (int j = 0; j < Shape::columns; ++j)
        if (Shape::mask::is_listed(row, j)) bits[j / 64] |= std::uint64_t{1} << (j % 64);
    kernel::detail::kept_rows<Shape, T, Queries>(queries, row, first, of[0].counts.data(), bits)
        .attend();
}

template <class Shape, class T, int Queries = 1>
void compare() {
    std::vector<problem<T>> of;
    for (int q = 0; q < Queries; ++q) {
        of.emplace_back(form_of<Shape>(), Shape::rows);
        of.back().x[0] = buffer<T>(of.back().x[0].size(), static_cast<unsigned>(77 + q));
    }
    const auto check_now = [&] {
        std::vector<reference<T>> right;
        for (const auto& one : of) right.emplace_back(one);
        for (int row = 0; row < Shape::rows; ++row) attend<Shape, T, Queries>(of, row);
        for (int q = 0; q < Queries; ++q) require_out(of[to_size(q)], right[to_size(q)]);
    };
    check_now();
    if (Queries == 1) each_poison<T>(of[0], check_now);
}

}  // namespace

TEST_CASE("attention over kept columns agrees with plain loops", "[attention]") {
    compare<kept<attention<1, 1, 1, full, dots<1>>, layout::turned>, float>();
    compare<kept<attention<33, 33, 5, causal, dots<5, 50>>, layout::sliding>, float>();
    compare<kept<attention<65, 65, 16, window<16>, capped<2>>, layout::sliding>, double>();
    compare<kept<attention<15, 17, 2, padded, graph>, layout::turned>, double>();
    compare<kept<attention<17, 33, 9, strided, sloped<3>>, layout::turned>, float>();
    compare<kept<attention<16, 65, 15, full, biased<2>>, layout::turned, false, true>, float>();
    compare<kept<attention<5, 17, 3, checkered, gated<2>>, layout::plain>, double>();
    compare<kept<attention<17, 16, 2, later, two_dots<1>>, layout::plain>, float>();
    compare<kept<attention<2, 65, 1, sinks, table>, layout::turned>, double>();
    compare<kept<attention<15, 15, 5, documents, dots<2>>, layout::turned>, float>();
}

TEST_CASE("several queries over kept columns agree with plain loops", "[attention]") {
    compare<kept<attention<17, 17, 5, causal, dots<3, 50>>, layout::sliding, true>, float, 4>();
    compare<kept<attention<5, 33, 16, limited, dots<2>>, layout::turned>, double, 3>();
}
