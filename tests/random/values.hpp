#pragma once

#include <map>

#include "dice.hpp"
#include "memory.hpp"
#include "views.hpp"

/// Random numbers for what a planned program is given, and the direction in which the oracle
/// differentiates: both for the interpreter's memory and as the oracle's world.

namespace random_programs {

struct given_values {
    oracle::world world{};  // duals: values and directions
    memory place{};
    numbers parameter_direction{};
    std::vector<numbers> fact_directions{};
};

class value_maker {
  public:
    given_values made{};

    value_maker(const program& of, const planned& plan) : value_maker(of, plan, of.values) {
        make_weights();
    }
    /// Another sample with the same weights, whose counts and lengths are drawn, too.
    value_maker(const program& of, const planned& plan, const given_values& first, int number)
        : value_maker(varied(of, number), plan, of.values + 1000 * to_size(number)) {
        made.place.parameters = first.place.parameters;
        made.parameter_direction = first.parameter_direction;
        made.world.weights = first.world.weights;
    }

  private:
    const program program_;
    const planned& plan_;
    dice dice_;

    value_maker(const program& of, const planned& plan, std::uint64_t seed)
        : program_(of), plan_(plan), dice_(seed) {
        make_counts();
        for (int at = 0; at < static_cast<int>(of.facts.size()); ++at)
            make_fact(of.facts[to_size(at)], plan.shapes.facts[at].length);
        find_runs();
    }

    static program varied(program of, int number) {
        dice chance(of.values + 1000 * to_size(number) + 500);
        for (fact& each : of.facts) {
            if (each.kind == plan::fact_kind::count) each.count = chance.below(each.count + 4);
            if (each.length >= 0) each.length = chance.between(0, each.extents[0]);
            each.given_pairs = -1;
        }
        return of;
    }

    /// A number that is no zero by chance.
    double draw() {
        const double x = dice_.number();
        return x < 0 ? x - 0.05 : x + 0.05;
    }

    void make_counts() {
        int size = plan::given_numbers::runs;
        const auto& text = plan_.shapes.text;
        for (int at = 0; at < text.compared.size(); ++at)
            if (const int of = plan::compared_fact(plan_.shapes, at); of >= 0)
                size += 2 * plan_.shapes.facts[of].extents[0];
        made.place.counts.assign(to_size(size), 0);
        for (const fact& given : program_.facts) {
            if (given.kind != plan::fact_kind::count) continue;
            int count = given.count;
            for (int at = 0; at < text.counts.size(); ++at) {
                if (!(text.counts[at] == name_of(given.name))) continue;
                // Larger ones are refused where a model is called.
                const int limit = plan::limit_of_count(plan_.shapes, at);
                if (limit != plan::without_limit && count > limit) count = limit;
                made.place.counts[to_size(at)] = count;
            }
            made.world.counts[given.name] = count;
        }
    }

    /// Its length is the count `length`, if it has one.
    void make_fact(const fact& given, int length) {
        given_fact& to = made.place.facts.emplace_back();
        numbers& directions = made.fact_directions.emplace_back();
        if (given.kind == plan::fact_kind::count) return;
        const bool sparse = given.pairs > 0;
        std::vector<int> extents = given.extents;
        std::vector<std::vector<int>> atoms;
        if (sparse) {
            const plan::fact_shape& shape = plan_.shapes.facts[int(made.place.facts.size()) - 1];
            int most = 1;
            for (int axis = 0; axis < shape.indices; ++axis) most *= shape.extents[axis];
            const int room = std::min(given.pairs, most);
            const int count = given.given_pairs >= 0 ? std::min(given.given_pairs, room)
                              : dice_.one_in(8)      ? 0
                                                     : dice_.between(room / 2, room);
            while (static_cast<int>(to.pairs.size()) < count) {
                std::vector<int> atom;
                for (int axis = 0; axis < shape.indices; ++axis)
                    atom.push_back(dice_.below(shape.extents[axis]));
                int pair[2];
                shape.write_pair(atom.data(), pair);
                if (to.find(pair[0], pair[1]) >= 0) continue;
                to.pairs.emplace_back(pair[0], pair[1]);
                atoms.push_back(std::move(atom));
            }
            extents.erase(extents.begin(), extents.begin() + shape.indices);
            extents.insert(extents.begin(), count);
        }
        if (length >= 0) {
            extents[0] = std::min(given.length, extents[0]);
            made.place.counts[to_size(length)] = extents[0];
            made.world.lengths[given.name] = made.world.counts[given.name] = extents[0];
        }
        const auto size = static_cast<int>(oracle::volume(extents));
        std::vector<oracle::real> values;
        if (given.kind == plan::fact_kind::symbols) {
            int last = 0;
            for (int at = 0; at < size; ++at) {
                if (given.runs && dice_.one_in(3)) last = std::min(last + 1, given.classes - 1);
                to.symbols.push_back(given.runs ? last : dice_.below(given.classes));
                values.emplace_back(to.symbols.back());
            }
            made.world.symbols.insert(given.name);
        } else {
            // Of a sparse fact there is room for all pairs, however few are given.
            const int full = sparse ? size / std::max(1, extents[0]) * given.pairs : size;
            to.gradient.values.assign(
                to_size(sparse && extents[0] == 0 ? room_of(made.place.facts.size() - 1) : full),
                0.0);
            for (int at = 0; at < size; ++at) {
                double x = given.positive ? std::abs(draw()) + 0.3 : draw();
                if (given.zeros && dice_.one_in(3)) x = 0;
                const double direction = x == 0 ? 0 : dice_.number();
                to.values.values.push_back(x);
                directions.push_back(direction);
                values.emplace_back(x, direction);
            }
        }
        if (sparse) {
            oracle::sparse_tensor& all = made.world.sparse[given.name];
            all.extents = given.extents;
            all.values = values;
            all.atoms = std::move(atoms);
        } else {
            values.resize(oracle::volume(given.extents));
            made.world.facts[given.name] = {given.extents, values};
        }
    }
    int room_of(std::size_t fact) const {
        return plan_.shapes.facts[static_cast<int>(fact)].size();
    }

    /// Where the run of equal symbols around each position begins and ends.
    void find_runs() {
        int room = plan::given_numbers::runs;
        std::vector<int>& counts = made.place.counts;
        for (int at = 0; at < plan_.shapes.text.compared.size(); ++at) {
            const int of = plan::compared_fact(plan_.shapes, at);
            if (of < 0) continue;
            const std::vector<int>& symbols = made.place.facts[to_size(of)].symbols;
            const int size = plan_.shapes.facts[of].extents[0];
            const int length = static_cast<int>(symbols.size());
            counts[to_size(plan::given_numbers::begins_of(at))] = room;
            counts[to_size(plan::given_numbers::ends_of(at))] = room + size;
            for (int position = 0; position < length; ++position) {
                int begin = position;
                int end = position;
                while (begin > 0 && symbols[to_size(begin - 1)] == symbols[to_size(position)])
                    --begin;
                while (end < length && symbols[to_size(end)] == symbols[to_size(position)]) ++end;
                counts[to_size(room + position)] = begin;
                counts[to_size(room + size + position)] = end;
            }
            room += 2 * size;
        }
    }

    void make_weights() {
        const tables& steps = *plan_.steps;
        made.place.parameters.values.assign(to_size(steps.parameters), dead);
        made.parameter_direction.assign(to_size(steps.parameters), 0.0);
        for (int at = 0; at < plan_.shapes.text.weights.size(); ++at) {
            if (plan_.shapes.weights[at].uses == 0) continue;
            const view where = view_of_weight(plan_.shapes, steps, at);
            oracle::tensor all{where.extents, {}};
            const double scale =
                plan_.shapes.text.weights[at].rank == 2
                    ? 1.5 / std::sqrt(static_cast<double>(plan_.shapes.text.weights[at].shape[1]))
                    : 1;
            where.each([&](std::ptrdiff_t place) {
                double& value = made.place.parameters.at(place);
                double& direction = made.parameter_direction[static_cast<std::size_t>(place)];
                if (!std::isnan(value))
                    throw plan_fault("two weights share number " + std::to_string(place));
                value = scale * draw();
                direction = dice_.number();
                all.values.emplace_back(value, direction);
            });
            if (steps.weights[at].packed) all = unpacked(all, at);
            made.world.weights[name_of_weight(plan_.shapes, at)] = std::move(all);
        }
    }

    /// All pairs of a table of which only those below the diagonal are stored; the others are zero.
    oracle::tensor unpacked(const oracle::tensor& from, int at) const {
        const plan::weight_shape& shape = plan_.shapes.weights[at];
        const int side = shape.extents[shape.arity - 1];
        const int stored = plan::packed_row(side);
        oracle::tensor result{from.extents, {}};
        result.extents.back() = side;
        result.extents.push_back(side);
        const int packed = static_cast<int>(from.values.size());
        for (int table = 0; table < packed / stored; ++table)
            for (int i = 0; i < side; ++i)
                for (int j = 0; j < side; ++j)
                    result.values.push_back(
                        j > i ? oracle::real(0)
                              : from.values[to_size(table * stored + plan::packed_row(i) + j)]);
        return result;
    }
};

}  // namespace random_programs
