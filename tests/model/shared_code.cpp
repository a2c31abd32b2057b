#include <algorithm>
#include <type_traits>

#include "rules.hpp"

// Steps of equal form are one function, whatever else differs in their plans.

namespace {

using namespace names;
using sequent::fact;
using sequent::model;
namespace detail = sequent::model_detail;

template <class Factor>
constexpr auto attends(Factor factor) {
    return rules(q(i) <<= x(i)[W<"Q", 7, 6>] | tanh() | scale(0.375),
                 k(i) <<= x(i)[W<"K", 7, 6>] | tanh() | factor,
                 a(i, j) <<= (inverse_sqrt(7), k(j).T(), q(i), j <= i) | product() | softmax(j),
                 y(i) <<= (a(i, j), x(j)) | product() | sum(j));
}
inline constexpr auto equal_scales = attends(scale(0.375));
inline constexpr auto different_scales = attends(scale(-0.25));
inline constexpr auto with_another_output =
    rules(attends(scale(0.375)), z(i) <<= y(i)[W<"Z", 2, 6>]);

template <class Model>
using plan_of = typename Model::plan;
template <class Plan, int At>
using step_of = typename detail::row_code<Plan, At>::step;
template <class Plan>
using attention_of = typename detail::shape_for_kernels<detail::attention_shape<Plan, 0>>::type;

template <auto& Program, int Rows>
using made = plan_of<model<Program, fact<"x", Rows, 6>>>;

using equal = made<equal_scales, 9>;
using different = made<different_scales, 9>;
using later = made<with_another_output, 9>;
using longer = made<equal_scales, 10>;

static_assert(std::is_same_v<step_of<equal, 0>, step_of<equal, 1>>);
static_assert(std::is_same_v<step_of<equal, 0>, step_of<different, 0>>);
static_assert(!std::is_same_v<step_of<different, 0>, step_of<different, 1>>);
static_assert(!std::is_same_v<step_of<equal, 0>, step_of<longer, 0>>);
static_assert(std::is_same_v<attention_of<equal>, attention_of<later>>);
static_assert(!std::is_same_v<attention_of<equal>, attention_of<longer>>);

}  // namespace

TEST_CASE("steps and attention of one form are one function, with their own numbers") {
    CHECK(step_of<different, 1>::value.functions[1].numbers[0] == -0.25);
    CHECK(attention_of<equal>::space.pieces[0].upper.size() == 1);
    check::runs<model<equal_scales, fact<"x", 9, 6>>>();
    check::runs<model<different_scales, fact<"x", 9, 6>>>();
    check::runs<model<with_another_output, fact<"x", 9, 6>>>();
}
