#include "ground.hpp"
#include "oracle.hpp"

namespace oracle {

result evaluate(const tree::program& program, const world& given) {
    return grounder(program, given).evaluated();
}

}  // namespace oracle
