#include "sequent/kernel/kept_attention.hpp"

#include <cstring>
#include <list>

#include "attention_case.hpp"
#include "sequent/kernel/packed_columns.hpp"

namespace {

using namespace shapes;

/// Which operands lie turned: none, or all that depend on the column; and from which column on.
enum class layout { plain, turned, sliding };

template <class Base, layout Layout, bool Shares = false, bool Table = false>
struct kept : Base {
    static constexpr bool is_table = Table;
    static constexpr bool is_causal = Layout == layout::sliding;
    static constexpr int ahead = 0;
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

/// The same with keys and values in forms of their own.
template <class Kept, class Keys, class Values = Keys>
struct stored : Kept {
    using key_columns = Keys;
    using value_columns = Values;
    template <int>
    using node_columns = Keys;
};

/// Columns [first, count) of an operand, turned; elsewhere all bits are ones, NaN of floats.
template <class Form, class T>
struct turned {
    std::vector<typename Form::number> numbers;
    std::vector<std::uint16_t> scales;

    turned(const buffer<T>& from, int stride, int depth, int pitch, int first, int count)
        : numbers(to_size(depth * pitch)), scales(to_size((depth + 31) / 32 * pitch), 0xFFFF) {
        std::memset(numbers.data(), 0xFF, numbers.size() * sizeof numbers[0]);
        for (int c = first; c < count; ++c)
            Form::put(from.get() + c * stride, depth, numbers.data() + c - first,
                      scales.data() + c - first, pitch);
    }
};

/// Rounds the columns of an operand to what is stored.
template <class Form, class T>
void round_columns(buffer<T>& of, int stride, int depth, int columns) {
    const turned<Form, T> all(of, stride, depth, columns + 16, 0, columns);
    for (int k = 0; k < depth; ++k)
        for (int c = 0; c < columns; ++c) {
            alignas(64) T number[kernel::lanes<T>], scale[kernel::lanes<T>]{T(1)};
            kernel::store(number, Form::load(&all.numbers[to_size(k * (columns + 16) + c)]));
            if constexpr (Form::block > 0)
                kernel::store(
                    scale,
                    Form::scales(&all.scales[to_size(k / Form::block * (columns + 16) + c)]));
            of[c * stride + k] = number[0] * scale[0];
        }
}

/// Queries rows at once, of as many problems; if they share, their keys and values are the first's.
template <class Shape, class T, int Queries>
void attend(std::vector<problem<T>>& of, int row) {
    constexpr int pitch = Shape::pitch;
    constexpr int nodes = Shape::nodes.size();
    const int first = Shape::value_slides ? std::max(row - 40, 0) / 16 * 16 : 0;
    const int count = Shape::is_causal ? row + 1 : Shape::columns;
    using keys = typename Shape::key_columns;
    using values = typename Shape::value_columns;
    std::list<turned<keys, T>> all_keys;
    std::list<turned<values, T>> all_values;
    std::list<turned<kernel::kept_columns<T, T>, T>> all_loads;
    kernel::detail::kept_operands<nodes, T> queries[Queries];
    using place_of_columns = kernel::detail::columns_place;
    const auto operand = [&](auto& all, const buffer<T>& from, int stride, int depth) {
        if (pitch == 0) return place_of_columns(from.get());
        const auto& made = all.emplace_back(from, stride, depth, pitch, first, count);
        return place_of_columns(made.numbers.data(), made.scales.data());
    };
    for (int q = 0; q < Queries; ++q) {
        problem<T>& one = of[to_size(q)];
        const problem<T>& shared = of[to_size(Shape::shares ? q / 2 * 2 : q)];
        for (int at = 0; at < nodes; ++at) {
            const std::size_t place = to_size(at);
            const score_node node = Shape::nodes[at];
            queries[q].x[place] = one.x[place].get();
            if (node.op == score_op::dot)
                queries[q].y[place] = operand(all_keys, shared.y[place], node.y_column, node.depth);
            else if (Shape::pitches[place] > 0)
                queries[q].x[place] =
                    operand(all_loads, one.x[place], node.x_column, 1).template numbers<T>();
            queries[q].base[place] = T(0.25);
        }
        queries[q].value = operand(all_values, shared.value, Shape::value_column, Shape::length);
        queries[q].out = one.out.get();
    }
    std::uint64_t bits[Shape::columns / 64 + 2]{};
    for (int j = 0; j < Shape::columns; ++j)
        if (Shape::mask::is_listed(row, j)) bits[j / 64] |= std::uint64_t{1} << (j % 64);
    kernel::detail::kept_rows<Shape, T, Queries>(queries, row, first, of[0].counts.data(), bits)
        .attend();
}

template <class Kept, class T, int Queries = 1, class Keys = T, class Values = Keys>
void compare() {
    using Shape = stored<Kept, kernel::kept_columns<Keys, T>, kernel::kept_columns<Values, T>>;
    std::vector<problem<T>> of;
    for (int q = 0; q < Queries; ++q) {
        problem<T>& one = of.emplace_back(form_of<Shape>(), Shape::rows);
        one.x[0] = buffer<T>(one.x[0].size(), static_cast<unsigned>(77 + q));
        for (int at = 0; at < Shape::nodes.size(); ++at)
            if (const score_node node = Shape::nodes[at]; node.op == score_op::dot)
                round_columns<typename Shape::key_columns>(one.y[to_size(at)], node.y_column,
                                                           node.depth, Shape::columns);
        round_columns<typename Shape::value_columns>(one.value, Shape::value_column, Shape::length,
                                                     Shape::columns);
    }
    const auto check_now = [&] {
        std::vector<reference<T>> right;
        for (const auto& one : of) right.emplace_back(one);
        for (int row = 0; row < Shape::rows; ++row) attend<Shape, T, Queries>(of, row);
        for (int q = 0; q < Queries; ++q) require_out(of[to_size(q)], right[to_size(q)]);
    };
    check_now();
    constexpr bool rounds = !std::is_same_v<Keys, T> || !std::is_same_v<Values, T>;
    if (Queries == 1 && !rounds) each_poison<T>(of[0], check_now);
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

TEST_CASE("attention over columns in fewer bits agrees with plain loops over the rounded numbers",
          "[attention]") {
    using kernel::bf16, kernel::q8_0;
    using one = kept<attention<65, 65, 40, window<16>, dots<33, 50>>, layout::sliding>;
    compare<one, float, 1, bf16>();
    compare<one, float, 1, q8_0>();
    compare<one, float, 1, float, q8_0>();
    compare<one, float, 1, q8_0, bf16>();
    using shared = kept<attention<17, 37, 72, full, biased<64>>, layout::turned, true>;
    compare<shared, float, 4, bf16>();
    compare<shared, float, 4, q8_0>();
    compare<kept<attention<17, 33, 9, strided, sloped<3>>, layout::turned>, float, 1, q8_0>();
}
