#include <atomic>
#include <cstdlib>

#include <sequent/train.hpp>

#include "rules.hpp"

// Every way to memory counts its calls while `counting` is set; operator new takes its memory from
// malloc. Sanitizers bring their own malloc.
#if !defined(__SANITIZE_ADDRESS__) && defined(__GLIBC__)

extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* __libc_realloc(void* from, std::size_t size);
}

namespace {

std::atomic<bool> counting{false};
std::atomic<long> allocations{0};

void count() noexcept {
    if (counting) ++allocations;
}

}  // namespace

extern "C" {
void* malloc(std::size_t size) noexcept {
    count();
    return __libc_malloc(size);
}
void* realloc(void* from, std::size_t size) noexcept {
    count();
    return __libc_realloc(from, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
    count();
    return __libc_memalign(alignment, size);
}
int posix_memalign(void** to, std::size_t alignment, std::size_t size) noexcept {
    count();
    *to = __libc_memalign(alignment, size);
    return *to ? 0 : 12;  // ENOMEM
}
}

namespace {

using namespace names;
using sequent::fact;
using sequent::symbol;

inline constexpr auto block = rules(
    a(i) <<= x(i) | rms_norm(W<"G", 5>), q(i) <<= a(i)[W<"W_q", 3, 5>],
    k(i) <<= a(i)[W<"W_k", 3, 5>],
    weights(i, j) <<= (inverse_sqrt(3), k(j).T(), q(i), j <= i) | product() | softmax(j),
    b(i) <<= (weights(i, j), a(j)) | product() | sum(j), y(i) <<= (b(i)[W<"W_o", 5, 5>], x(i)));

inline constexpr auto program =
    rules(a(i) <<= (r<"token">(i)[W<"E", 11, 5>], x(i)), b(i) <<= a(i) | stack<2>(block),
          c(i) <<= (b(i), b(j), j < length) | elementwise_product() | sparsemax() | max(j),
          y(i) <<= (c(j), r<"edge">(i, j)) | elementwise_product() | sum(j), z(0) <<= W<"s", 5>,
          z(next(i)) <<= (c(i), z(i)[W<"U", 5, 5>]) | tanh(),
          out(i) <<= (y(i)[W<"E", 11, 5>], z(next(i))[W<"E", 11, 5>]) | softmax());

using model = sequent::model<program, fact<"token", 70, symbol<11>>, fact<"x", 70, 5>,
                             fact<"edge", sequent::sparse<90>, 70, 70>, sequent::bound<"length">>;

// Step by step, with a window that slides.
inline constexpr auto window =
    rules(a(i) <<= x(i)[W<"W", 5, 5>],
          weights(i, j) <<= (a(j).T(), a(i), j <= i, i - j < 3) | product() | softmax(j),
          out(i) <<= (weights(i, j), a(j)) | product() | sum(j));
using causal = sequent::model<window, fact<"x", 70, 5>>;

// With a mask that is kept as a table.
int asked = 0;
constexpr bool scattered(int row, int column) {
    if (!std::is_constant_evaluated()) ++asked;
    return (7 * row + 3 * column) % 5 < 3;
}
inline constexpr auto masked =
    rules(a(i) <<= x(i)[W<"W", 5, 5>],
          weights(i, j) <<= (a(j).T(), a(i), j <= i, sequent::language::holds<scattered>(i, j)) |
                            product() | softmax(j),
          out(i) <<= (weights(i, j), a(j)) | product() | sum(j));
using tabled = sequent::model<masked, fact<"x", 20, 5>>;

void steps_allocate_nothing() {
    const check::fixture<causal, float> f(1);
    const std::span<const float> rows(f.dense[0]);
    const auto state = sequent::make_unique<causal::state<float>>();
    counting = true;
    (void)causal::prefill(*f.p, {x = rows.first(10 * 5)}, *state);
    causal::prefill(*f.p, {x = rows.subspan(10 * 5, 10 * 5)}, *state, [](int, const auto&) {});
    for (std::size_t row = 20; row < 70; ++row)
        (void)causal::step(*f.p, {x = rows.subspan(row * 5, 5)}, *state);
    counting = false;
    CHECK(allocations == 0);
}

template <class T>
void allocates_nothing() {
    check::fixture<model, T> f(1, 40);
    const auto given = f.given();
    const std::vector<T> coefficients(f.outputs().size(), T(1));
    const typename model::template output_gradients<T> outward(coefficients);
    std::vector<T> inward(70 * 5);
    const typename model::template fact_gradients<T> of_facts({x = inward});

    sequent::thread_pool pool(2);
    typename model::template batch<T> batch(pool);
    const std::vector<typename model::template facts<T>> samples(5, given);
    std::vector<T> outputs(samples.size() * coefficients.size(), T(1));
    sequent::train::adam_w<T> optimizer(f.p->flat().size(), 0.1);
    const auto visit = [](int, const auto&) {};
    const auto loss = [](int, const auto&, const auto& gradient) { return gradient.data[0] = 1; };

    counting = true;
    const auto edges = sequent::sparse_pairs(f.pairs[2], f.dense[2]);
    (void)model::forward(*f.p, {f.symbols[0], f.dense[1], edges, 40}, *f.w);
    (void)model::forward(
        *f.p, {r<"edge"> = edges, length = 40, r<"token"> = f.symbols[0], x = f.dense[1]}, *f.w);
    model::backward(*f.p,
                    {r<"token"> = f.symbols[0], x = f.dense[1], r<"edge"> = edges, length = 40},
                    coefficients, *f.w, *f.gradient);
    (void)model::forward(*f.p, given, *f.w);
    model::backward(*f.p, given, outward, *f.w, *f.gradient, of_facts);
    (void)model::forward(*f.p, given, *f.w, pool);
    model::backward(*f.p, given, outward, *f.w, *f.gradient, pool, of_facts);
    model::forward_batch(*f.p, samples, batch, visit);
    model::forward_batch(*f.p, samples, batch, outputs);
    (void)model::backward_batch(*f.p, samples, loss, batch, *f.gradient);
    model::backward_batch(*f.p, samples, outputs, batch, *f.gradient);
    (void)sequent::train::norm<T>(f.gradient->flat(), pool);
    optimizer.step_and_clear(f.p->flat(), f.gradient->flat(), 1e-3, T(1), pool);
    counting = false;
    CHECK(allocations == 0);
}

}  // namespace

TEST_CASE("forward, backward, batches and steps allocate nothing") {
    counting = true;
    // Through volatile pointers: a compiler may leave out memory that nobody looks at.
    int* volatile number = new int(3);
    delete number;
    void* volatile aligned = std::aligned_alloc(64, 64);
    std::free(aligned);
    void* memory = nullptr;
    if (posix_memalign(&memory, 64, 64) == 0) std::free(memory);
    counting = false;
    REQUIRE(allocations == 3);
    allocations = 0;
    allocates_nothing<double>();
    steps_allocate_nothing();
}

TEST_CASE("tables are made with the first facts, not in a call") {
    const check::fixture<tabled, float> f(1);
    const std::span<const float> numbers(f.dense[0]);
    const tabled::facts<float> given{x = numbers};
    const auto state = sequent::make_unique<tabled::state<float>>();
    const int before = asked;
    CHECK(before >= 20 * 20);
    counting = true;
    allocations = 0;
    (void)tabled::forward(*f.p, given, *f.w);
    (void)tabled::prefill(*f.p, {x = numbers}, *state);
    counting = false;
    CHECK(allocations == 0);
    CHECK(asked == before);
}

#endif
