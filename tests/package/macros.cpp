// The header stands behind the macros of systems and frameworks, and leaves them as they were.

#define Above macro of the system
#define abs(x) macro of the system
#define Always macro of the system
#define B0 macro of the system
#define B1 macro of the system
#define Below macro of the system
#define bit(x) macro of the system
#define Bool macro of the system
#define boolean macro of the system
#define byte macro of the system
#define check(x) macro of the system
#define Complex macro of the system
#define constrain(x) macro of the system
#define CurrentTime macro of the system
#define degrees(x) macro of the system
#define DELETE macro of the system
#define DIFFERENCE macro of the system
#define DOMAIN macro of the system
#define E macro of the system
#define emit macro of the system
#define ensure(x) macro of the system
#define ERROR macro of the system
#define expect(x) macro of the system
#define F(x) macro of the system
#define FALSE macro of the system
#define False macro of the system
#define far macro of the system
#define Font macro of the system
#define foreach(x) macro of the system
#define forever macro of the system
#define GetObject(x) macro of the system
#define HIGH macro of the system
#define huge macro of the system
#define I macro of the system
#define IGNORE macro of the system
#define IN macro of the system
#define index macro of the system
#define INPUT macro of the system
#define interface macro of the system
#define interrupt macro of the system
#define LOW macro of the system
#define major macro of the system
#define max(a, b) macro of the system
#define min(a, b) macro of the system
#define minor macro of the system
#define near macro of the system
#define NO macro of the system
#define No macro of the system
#define None macro of the system
#define OK macro of the system
#define opaque macro of the system
#define OPTIONAL macro of the system
#define OUT macro of the system
#define OUTPUT macro of the system
#define OVERFLOW macro of the system
#define pascal macro of the system
#define PI macro of the system
#define pure macro of the system
#define radians(x) macro of the system
#define register_t macro of the system
#define require(x) macro of the system
#define round(x) macro of the system
#define signals macro of the system
#define slots macro of the system
#define small macro of the system
#define sq(x) macro of the system
#define Status macro of the system
#define status macro of the system
#define STRICT macro of the system
#define Success macro of the system
#define swap macro of the system
#define transparent macro of the system
#define TRUE macro of the system
#define True macro of the system
#define uint macro of the system
#define UNDERFLOW macro of the system
#define Unsorted macro of the system
#define verify(x) macro of the system
#define VOID macro of the system
#define word macro of the system
#define YES macro of the system
#define Yes macro of the system

#include <sequent/data.hpp>
#include <sequent/draw.hpp>
#include <sequent/explain.hpp>
#include <sequent/export.hpp>
#include <sequent/fit.hpp>
#include <sequent/formats.hpp>
#include <sequent/graphs.hpp>
#include <sequent/io.hpp>
#include <sequent/packed.hpp>
#include <sequent/rasp.hpp>
#include <sequent/sequent.hpp>
#include <sequent/tokenizers.hpp>

#if !defined(min) || !defined(check) || !defined(I) || !defined(near) || !defined(B1)
#error "a macro is lost"
#endif

namespace {
using namespace sequent::language;
constexpr var<"i"> i;
constexpr var<"j"> j;
constexpr relation<"x"> x;
constexpr relation<"y"> y;
}  // namespace

// Names of the library that are macros are written in parentheses.
inline constexpr auto largest_before = rules(y(i) <<= (x(i), x(j), j <= i) | (max)(j));
using largest = sequent::model<largest_before, sequent::fact<"x", 4, 3>>;

int main() {
    return largest::parameter_count;
}
