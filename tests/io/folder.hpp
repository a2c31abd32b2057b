#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <random>
#include <sequent/model/tensor_view.hpp>
#include <string>

#include "../catch.hpp"

namespace io_test {

/// A folder of its own for each test, so that they can run at the same time.
class folder {
  public:
    folder() {
        std::random_device random;
        path_ = std::filesystem::temp_directory_path() /
                ("sequent-io-" + std::to_string(random()) + std::to_string(random()));
        std::filesystem::create_directory(path_);
    }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { std::filesystem::remove_all(path_); }

    std::filesystem::path operator/(const char* name) const { return path_ / name; }

    std::size_t files() const {
        const std::filesystem::directory_iterator begin(path_);
        return static_cast<std::size_t>(std::distance(begin, {}));
    }

  private:
    std::filesystem::path path_;
};

template <class T>
sequent::tensor_view<T> view(T* data, std::initializer_list<int> extents,
                             std::initializer_list<int> strides) {
    sequent::tensor_view<T> result;
    result.data = data;
    result.rank = static_cast<int>(extents.size());
    std::ranges::copy(extents, result.extents.begin());
    std::ranges::copy(strides, result.strides.begin());
    return result;
}

inline std::string bytes_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

inline void check_contains(const std::string& text, std::initializer_list<const char*> parts) {
    CHECK_FALSE(text.empty());
    for (const char* part : parts) CHECK_THAT(text, sequent_test::contains(part));
}

}  // namespace io_test
