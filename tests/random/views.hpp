#pragma once

#include "planned.hpp"

/// Where the weights lie in the parameters and the outputs in the workspace, as users see them.

namespace random_programs {

struct view {
    int offset = 0;
    std::vector<int> extents{};
    std::vector<int> strides{};

    void push(int extent, int stride) {
        extents.push_back(extent);
        strides.push_back(stride);
    }
    /// Calls visit(place) for each element in row-major order.
    template <class Visit>
    void each(Visit visit) const {
        each_index([&](const std::vector<int>&, std::ptrdiff_t place) { visit(place); });
    }
    /// Calls visit(indices, place).
    template <class Visit>
    void each_index(Visit visit) const {
        for (std::size_t at = 0; at < oracle::volume(extents); ++at) {
            std::ptrdiff_t place = offset;
            const std::vector<int> indices = oracle::indices_at(extents, at);
            for (std::size_t axis = 0; axis < indices.size(); ++axis)
                place += static_cast<std::ptrdiff_t>(indices[axis]) * strides[axis];
            visit(indices, place);
        }
    }
};

/// Layers, indices, rows, columns. Of a packed table the rows of its triangle are one dimension.
inline view view_of_weight(const shaped& shapes, const tables& steps, int at) {
    const plan::weight& declared = shapes.text.weights[at];
    const plan::weight_shape& shape = shapes.weights[at];
    const plan::weight_layout& layout = steps.weights[at];
    view result;
    result.offset = layout.offset + steps.scope_offset[declared.scope];
    std::vector<int> scopes;
    for (int scope = declared.scope; scope > 0; scope = shapes.text.scopes[scope].parent)
        if (!shapes.text.scopes[scope].shares()) scopes.push_back(scope);
    for (std::size_t depth = scopes.size(); depth-- > 0;)
        result.push(shapes.text.scopes[scopes[depth]].repeat,
                    steps.scope_parameters[scopes[depth]]);
    const int indices = layout.packed ? shape.arity - 2 : shape.arity;
    for (int axis = 0; axis < indices; ++axis)
        result.push(shape.extents[axis], layout.strides[axis]);
    if (layout.packed) result.push(plan::packed_row(shape.extents[indices]), 1);
    if (declared.rank > 0) result.push(declared.shape[0], layout.row);
    if (declared.rank > 1) result.push(declared.shape[1], layout.column);
    return result;
}

inline std::string text_of(const plan::name& id) {
    return std::string(id.text, to_size(id.length));
}

/// A block's weights carry the relation that stacks the block.
inline std::string name_of_weight(const shaped& shapes, int at) {
    const plan::weight& declared = shapes.text.weights[at];
    std::string result = text_of(declared.id);
    for (int scope = declared.scope; scope > 0; scope = shapes.text.scopes[scope].parent) {
        const plan::rule& stacking = shapes.text.rules[shapes.text.scopes[scope].rule];
        result = text_of(shapes.text.relations[stacking.head].id) + "." + result;
    }
    return result;
}

/// Of a relation that holds for the pairs of a sparse fact, first the pairs; then the other
/// arguments, then the value.
inline view view_of_relation(const shaped& shapes, const tables& steps, int at) {
    const plan::relation_layout& layout = steps.relations[at];
    const plan::relation_shape& shape = shapes.relations[at];
    view result;
    result.offset = layout.offset;
    if (layout.pairs.any()) result.push(shapes.facts[layout.pairs.fact].pairs, layout.pair_stride);
    for (int axis = 0; axis < shape.arity; ++axis)
        if (!layout.pairs.has(axis)) result.push(shape.extents[axis], layout.strides[axis]);
    result.push(shape.value.rows, shape.value.columns);
    result.push(shape.value.columns, 1);
    return result;
}

}  // namespace random_programs
