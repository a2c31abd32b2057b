#pragma once

#include <array>
#include <cstddef>
#include <iterator>
#include <span>
#include <string>
#include <type_traits>

#include "../fail.hpp"

/// Views of numbers in memory, of up to six dimensions.

namespace sequent::inline SEQUENT_ABI {

/// Largest rank of a tensor_view.
inline constexpr int max_rank = 6;

/// A non-owning strided view of up to max_rank dimensions, the outermost first. A scalar has rank
/// 0. Debug builds (without NDEBUG) abort with a message if an index is outside its extent or the
/// number of indices is not the rank; release builds check nothing.
template <class T>
struct tensor_view {
    /// The element at index 0 of every dimension.
    T* data = nullptr;
    /// Number of dimensions.
    int rank = 0;
    /// Extents of the dimensions; those from `rank` on are not used.
    std::array<int, max_rank> extents{};
    /// Distance, in elements, between neighbours along each dimension.
    std::array<int, max_rank> strides{};

    /// Number of elements: the product of the extents, 1 for a scalar.
    [[nodiscard]] constexpr int size() const noexcept {
        int count = 1;
        for (int axis = 0; axis < rank; ++axis) count *= extents[static_cast<std::size_t>(axis)];
        return count;
    }

    /// The element at these indices, one for each dimension.
    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        check_rank(static_cast<int>(sizeof...(Index)));
        std::size_t axis = 0;
        std::ptrdiff_t at = 0;
        ((at += checked(static_cast<std::ptrdiff_t>(index), axis) * strides[axis], ++axis), ...);
        return data[at];
    }

    /// The element at `position` in row-major order of the extents, whatever the strides.
    constexpr T& element(int position) const noexcept {
#if !defined(NDEBUG)
        if (position < 0 || position >= size())
            stop("sequent: element " + std::to_string(position) + " of a view of " +
                 std::to_string(size()) + " elements");
#endif
        std::ptrdiff_t at = 0;
        for (int axis = rank; axis-- > 0;) {
            const int extent = extents[static_cast<std::size_t>(axis)];
            at += static_cast<std::ptrdiff_t>(position % extent) *
                  strides[static_cast<std::size_t>(axis)];
            position /= extent;
        }
        return data[at];
    }

    /// True if the elements are contiguous in row-major order.
    [[nodiscard]] constexpr bool is_contiguous() const noexcept {
        std::ptrdiff_t expected = 1;
        for (auto axis = static_cast<std::size_t>(rank); axis-- > 0;) {
            if (extents[axis] != 1 && strides[axis] != expected) return false;
            expected *= extents[axis];
        }
        return true;
    }

    /// All elements in row-major order. Throws argument_error if the view is not contiguous, as
    /// with padded rows.
    [[nodiscard]] constexpr std::span<T> span() const {
        if (!is_contiguous())
            fail<argument_error>("sequent: span() of a view that is not contiguous");
        return {data, static_cast<std::size_t>(size())};
    }

  protected:
    /// The first element at index `at` of the first dimension.
    constexpr T& first(int at) const noexcept {
        return data[checked(at, 0) * strides[0]];
    }

  private:
    constexpr void check_rank([[maybe_unused]] int indices) const noexcept {
#if !defined(NDEBUG)
        if (indices != rank)
            stop("sequent: " + std::to_string(indices) + " indices of a view of rank " +
                 std::to_string(rank));
#endif
    }
    constexpr std::ptrdiff_t checked(std::ptrdiff_t index,
                                     [[maybe_unused]] std::size_t axis) const noexcept {
#if !defined(NDEBUG)
        if (index < 0 || index >= extents[axis])
            stop("sequent: index " + std::to_string(index) + " of dimension " +
                 std::to_string(axis) + " of a view, which has " + std::to_string(extents[axis]));
#endif
        return index;
    }
};

template <class T, int Rank>
struct ranked_view;

namespace view_detail {

/// Forward iterator over the first dimension of a view: over the elements of a vector, or the rows
/// of a matrix, which are views themselves.
template <class T, int Rank>
class iterator {
  public:
    using difference_type = std::ptrdiff_t;
    using reference = std::conditional_t<Rank == 1, T&, ranked_view<T, Rank - 1>>;
    using value_type = std::remove_cvref_t<reference>;
    using pointer = void;
    using iterator_concept = std::forward_iterator_tag;
    using iterator_category =
        std::conditional_t<Rank == 1, std::forward_iterator_tag, std::input_iterator_tag>;

    constexpr iterator() = default;
    constexpr iterator(const ranked_view<T, Rank>& view, int at) noexcept : view_(view), at_(at) {}

    constexpr reference operator*() const noexcept {
        if constexpr (Rank == 1)
            return view_(at_);
        else
            return view_.row(at_);
    }
    constexpr iterator& operator++() noexcept {
        ++at_;
        return *this;
    }
    constexpr iterator operator++(int) noexcept { return {view_, at_++}; }
    friend constexpr bool operator==(const iterator& a, const iterator& b) noexcept {
        return a.at_ == b.at_;
    }

  private:
    ranked_view<T, Rank> view_{};
    int at_ = 0;
};

}  // namespace view_detail

/// A view with static rank, as all views of a model are. The number of indices is checked at
/// compile time.
template <class T, int Rank>
struct ranked_view : tensor_view<T> {
    /// The element at these indices, exactly Rank of them.
    template <class... Index>
    constexpr T& operator()(Index... index) const noexcept {
        static_assert(sizeof...(Index) == Rank,
                      "sequent: a view takes one index for each of its dimensions");
        return tensor_view<T>::operator()(index...);
    }

    /// The view at one index of the first dimension; row(i) of a matrix is a vector.
    [[nodiscard]] constexpr ranked_view<T, Rank - 1> row(int at) const noexcept requires(Rank > 0) {
        ranked_view<T, Rank - 1> result;
        result.data = &tensor_view<T>::first(at);
        result.rank = Rank - 1;
        for (std::size_t axis = 1; axis < static_cast<std::size_t>(Rank); ++axis) {
            result.extents[axis - 1] = this->extents[axis];
            result.strides[axis - 1] = this->strides[axis];
        }
        return result;
    }

    /// The first element of a vector, or the first row of a matrix.
    [[nodiscard]] constexpr view_detail::iterator<T, Rank> begin() const noexcept
        requires(Rank > 0) {
        return {*this, 0};
    }
    /// The end of the first dimension.
    [[nodiscard]] constexpr view_detail::iterator<T, Rank> end() const noexcept requires(Rank > 0) {
        return {*this, this->extents[0]};
    }
};

}  // namespace sequent::inline SEQUENT_ABI
