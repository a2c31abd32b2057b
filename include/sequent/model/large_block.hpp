#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>

#include "../config.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

/// Allocation of parameters and of the memory of calls on the heap.

namespace sequent::inline SEQUENT_ABI {

namespace model_detail {

/// Asks Linux for huge pages of 2 MB within [at, at + size). A generation step reads all
/// parameters, and small pages cost a page-table walk for every 4 KB. Has no effect if the system
/// grants none, or on other systems.
inline void ask_for_huge_pages([[maybe_unused]] void* at, [[maybe_unused]] std::size_t size) {
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    constexpr std::uintptr_t page = std::uintptr_t{1} << 21;
    const auto begin = (reinterpret_cast<std::uintptr_t>(at) + page - 1) & ~(page - 1);
    const auto end = (reinterpret_cast<std::uintptr_t>(at) + size) & ~(page - 1);
    if (begin < end) (void)madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);
#endif
}

}  // namespace model_detail

/// Allocates a block, such as parameters, a workspace or a state, on the heap; large blocks do not
/// fit on the stack. Passes `given` to its constructor:
/// make_unique<Model::packed<q8_0>>(*parameters). Without arguments all numbers are zero. On Linux
/// the block uses transparent huge pages if they are set to "madvise" or "always". Throws
/// std::bad_alloc.
template <class Block, class... Given>
[[nodiscard]] std::unique_ptr<Block> make_unique(const Given&... given) {
    constexpr std::align_val_t alignment{alignof(Block)};
    if constexpr (alignof(Block) > __STDCPP_DEFAULT_NEW_ALIGNMENT__ &&
                  std::is_nothrow_constructible_v<Block, const Given&...>) {
        void* memory = ::operator new(sizeof(Block), alignment);
        model_detail::ask_for_huge_pages(memory, sizeof(Block));
        return std::unique_ptr<Block>(::new (memory) Block(given...));
    } else {
        return std::make_unique<Block>(given...);
    }
}

}  // namespace sequent::inline SEQUENT_ABI
