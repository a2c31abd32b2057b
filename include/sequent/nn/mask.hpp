#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "../language.hpp"

/// Masks decide which positions j a position i attends to. A mask is any type with a static
/// function `keeps(i, j)` in one of two forms: of index terms, it returns a constraint such as `j
/// <= i`; of two integers, it is constexpr and returns a bool. A mask that differs from head to
/// head has `keeps(h, i, j)`, of index terms. Masks are combined by name or as values:
/// `decltype(mask::causal{} && !mask::window<8>{})`.

namespace sequent::inline SEQUENT_ABI::mask {

namespace detail {

template <class Mask>
concept of_terms = requires(language::var<"i"> i, language::var<"j"> j) {
    { Mask::keeps(i, j) } -> language::constraint;
};
template <class Mask>
concept of_integers = !of_terms<Mask> && requires(int i, int j) {
    { Mask::keeps(i, j) } -> std::same_as<bool>;
};
template <class Mask>
concept plain = of_terms<Mask> || of_integers<Mask>;
template <class Mask>
concept of_heads = requires(language::var<"h"> h, language::var<"i"> i, language::var<"j"> j) {
    { Mask::keeps(h, i, j) } -> language::constraint;
};

template <class Mask>
struct decided_by {
    constexpr bool operator()(int i, int j) const noexcept { return Mask::keeps(i, j); }
};

/// The constraint of a mask, for either form of `keeps`.
template <plain Mask>
constexpr auto keeps(auto i, auto j) noexcept {
    if constexpr (of_terms<Mask>)
        return Mask::keeps(i, j);
    else
        return language::holds<decided_by<Mask>{}>(i, j);
}
/// The constraint of a mask in head h.
template <class Mask>
constexpr auto keeps(auto h, auto i, auto j) noexcept {
    if constexpr (of_heads<Mask>)
        return Mask::keeps(h, i, j);
    else
        return keeps<Mask>(i, j);
}

}  // namespace detail

/// Every position attends to all positions.
struct none {};

/// A position attends to itself and all earlier positions: j <= i.
struct causal {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i; }
};

/// A position attends to itself and the `Width` positions before it: `Width + 1` in all.
template <int Width>
struct window {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i && i - j <= Width; }
};

/// A position attends to itself and the `Width` positions on either side.
template <int Width>
struct around {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept { return abs(i - j) <= Width; }
};

/// A position attends to itself and every `Step`-th position before it: the part that strided
/// attention adds to a window (Child et al., arXiv 1904.10509, section 4.3).
template <int Step>
struct strided {
    static_assert(Step > 0, "sequent: a step is at least 1");
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept { return j <= i && (i - j) % Step == 0; }
};

/// A position attends to itself and, on either side, to `Width` positions that are `Step` apart
/// (Beltagy et al., arXiv 2004.05150, section 3.1).
template <int Width, int Step>
struct dilated {
    static_assert(Step > 0, "sequent: a step is at least 1");
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept {
        return abs(i - j) <= Width * Step && (i - j) % Step == 0;
    }
};

/// Fixed sparse attention (Child et al., arXiv 1904.10509, section 4.3), both of its heads in one
/// mask: of the positions up to i, those in the same block of `Size` positions and the last
/// `Summary` positions of every block.
template <int Size, int Summary>
struct sparse_fixed {
    static_assert(Summary > 0 && Summary <= Size, "sequent: a summary is a part of its block");
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept {
        return j <= i && (j / Size == i / Size || j % Size >= Size - Summary);
    }
};

/// A position attends to the `Width` positions on either side. The positions `Global` attend to all
/// positions, and all attend to them (Beltagy et al., arXiv 2004.05150, section 3.1).
template <int Width, int... Global>
struct longformer {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept {
        if constexpr (sizeof...(Global) == 0)
            return abs(i - j) <= Width;
        else
            return abs(i - j) <= Width || language::one_of<Global...>(i) ||
                   language::one_of<Global...>(j);
    }
};

/// BigBird (Zaheer et al., arXiv 2007.14062, section 2): `Tokens` positions in blocks of `Size`. A
/// block attends to itself, its neighbours, the first and the last block, and `Random` other
/// blocks, chosen at compile time from `Seed`. The first and the last block attend to all.
template <int Tokens, int Size, int Random = 3, unsigned Seed = 1>
struct big_bird {
    static_assert(Size > 0 && Random >= 0, "sequent: blocks have positions");
    /// Number of blocks; the last may be shorter.
    static constexpr int blocks = (Tokens + Size - 1) / Size;

    /// The random blocks of each block; -1 if fewer than `Random` are available.
    static constexpr auto drawn = [] {
        constexpr auto room = static_cast<std::size_t>(Random > 0 ? Random : 1);
        std::array<std::array<int, room>, static_cast<std::size_t>(blocks)> result{};
        std::uint32_t state = Seed * 2654435761u + 1;
        for (int block = 0; block < blocks; ++block) {
            auto& of_block = result[static_cast<std::size_t>(block)];
            std::size_t count = 0;
            for (int& each : of_block) each = -1;
            for (int attempt = 0; attempt < 16 * Random && count < room; ++attempt) {
                state = state * 1664525u + 1013904223u;
                const int other =
                    static_cast<int>((state >> 8) % static_cast<std::uint32_t>(blocks));
                bool taken =
                    other == 0 || other == blocks - 1 || (other >= block - 1 && other <= block + 1);
                for (const int each : of_block) taken = taken || each == other;
                if (!taken) of_block[count++] = other;
            }
        }
        return result;
    }();

    /// True if the block of j is among the random blocks of the block of i.
    static constexpr bool is_drawn(int i, int j) noexcept {
        for (const int each : drawn[static_cast<std::size_t>(i / Size)])
            if (each == j / Size) return true;
        return false;
    }

    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept {
        return abs(i / Size - j / Size) <= 1 || j < Size || i < Size || j / Size == blocks - 1 ||
               i / Size == blocks - 1 || language::holds<&big_bird::is_drawn>(i, j);
    }
};

/// A position attends to the first `Length` positions and to all positions up to itself. In rules,
/// a prefix whose length is given at run time is `bound<"prefix">`.
template <int Length>
struct prefix {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept { return j < Length || j <= i; }
};

/// A position attends to positions in its own block of `Size` positions that the mask `Inner`
/// keeps.
template <int Size, class Inner = none>
struct block {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept requires(!detail::of_heads<Inner>) {
        if constexpr (std::is_same_v<Inner, none>)
            return i / Size == j / Size;
        else
            return i / Size == j / Size && detail::keeps<Inner>(i, j);
    }
};

/// A position attends to the first positions, as many as the count `Count` tells, which is given
/// with the facts.
template <language::fixed_string Count = "length">
struct padding {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto, auto j) noexcept { return j < language::bound<Count>{}; }
};

/// The pairs that both masks keep: `First && Second`.
template <class First, class Second>
struct both {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept
        requires(detail::plain<First>&& detail::plain<Second>) {
        return detail::keeps<First>(i, j) && detail::keeps<Second>(i, j);
    }
    /// The constraint on the pairs (i, j) of head h.
    static constexpr auto keeps(auto h, auto i, auto j) noexcept
        requires(detail::of_heads<First> || detail::of_heads<Second>) {
        return detail::keeps<First>(h, i, j) && detail::keeps<Second>(h, i, j);
    }
};

/// The pairs that at least one mask keeps: `First || Second`.
template <class First, class Second>
struct either {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept
        requires(detail::plain<First>&& detail::plain<Second>) {
        return detail::keeps<First>(i, j) || detail::keeps<Second>(i, j);
    }
    /// The constraint on the pairs (i, j) of head h.
    static constexpr auto keeps(auto h, auto i, auto j) noexcept
        requires(detail::of_heads<First> || detail::of_heads<Second>) {
        return detail::keeps<First>(h, i, j) || detail::keeps<Second>(h, i, j);
    }
};

/// The pairs that the mask does not keep: `!Mask`.
template <class Mask>
struct without {
    /// The constraint on the pairs (i, j).
    static constexpr auto keeps(auto i, auto j) noexcept requires(detail::plain<Mask>) {
        return !detail::keeps<Mask>(i, j);
    }
    /// The constraint on the pairs (i, j) of head h.
    static constexpr auto keeps(auto h, auto i, auto j) noexcept requires(detail::of_heads<Mask>) {
        return !Mask::keeps(h, i, j);
    }
};

/// Head h has the mask number h modulo the number of masks.
template <class... Masks>
struct per_head {
    static_assert(sizeof...(Masks) > 0, "sequent: per_head takes the masks of the heads");

    /// The constraint on the pairs (i, j) of head h.
    static constexpr auto keeps(auto h, auto i, auto j) noexcept {
        return join(std::make_index_sequence<sizeof...(Masks)>{}, h, i, j);
    }

  private:
    template <class Mask>
    static constexpr auto one(auto is_head, auto i, auto j) noexcept {
        if constexpr (std::is_same_v<Mask, none>)
            return is_head;
        else
            return is_head && detail::keeps<Mask>(i, j);
    }
    template <std::size_t... At>
    static constexpr auto join(std::index_sequence<At...>, auto h, auto i, auto j) noexcept {
        constexpr int count = sizeof...(Masks);
        return (... || one<Masks>(h % count == static_cast<int>(At), i, j));
    }
};

/// True if the mask is known to keep no later position; false if that is not known.
template <class Mask>
inline constexpr bool looks_back = false;
/// Earlier positions.
template <>
inline constexpr bool looks_back<causal> = true;
/// Earlier positions.
template <int Width>
inline constexpr bool looks_back<window<Width>> = true;
/// Earlier positions.
template <int Step>
inline constexpr bool looks_back<strided<Step>> = true;
/// Earlier positions.
template <int Size, int Summary>
inline constexpr bool looks_back<sparse_fixed<Size, Summary>> = true;
/// One of both is enough.
template <class First, class Second>
inline constexpr bool looks_back<both<First, Second>> = looks_back<First> || looks_back<Second>;
/// Both must look back.
template <class First, class Second>
inline constexpr bool looks_back<either<First, Second>> = looks_back<First>&& looks_back<Second>;
/// As the inner mask.
template <int Size, class Inner>
inline constexpr bool looks_back<block<Size, Inner>> = looks_back<Inner>;
/// All must look back.
template <class... Masks>
inline constexpr bool looks_back<per_head<Masks...>> = (... && looks_back<Masks>);

/// A mask: a type with a static `keeps` as described above. `mask::none` is none, but is taken
/// wherever a mask is.
template <class T>
concept type = detail::plain<T> || detail::of_heads<T>;

/// The pairs that both masks keep.
template <type First, type Second>
constexpr both<First, Second> operator&&(First, Second) noexcept {
    return {};
}
/// The pairs that at least one mask keeps.
template <type First, type Second>
constexpr either<First, Second> operator||(First, Second) noexcept {
    return {};
}
/// The pairs that the mask does not keep.
template <type Mask>
constexpr without<Mask> operator!(Mask) noexcept {
    return {};
}

}  // namespace sequent::inline SEQUENT_ABI::mask
