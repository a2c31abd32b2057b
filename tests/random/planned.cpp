#include "planned.hpp"

namespace random_programs {

static plan::fact_shape shape_of(const fact& given) {
    plan::fact_shape result;
    result.id = name_of(given.name);
    result.kind = given.kind;
    result.rank = static_cast<int>(given.extents.size());
    for (int axis = 0; axis < result.rank; ++axis)
        result.extents[axis] = given.extents[to_size(axis)];
    result.classes = given.classes;
    result.pairs = given.pairs;
    result.indices = given.extents.size() < 2 ? 1 : 2;
    result.up_to = given.length >= 0;
    return result;
}

std::unique_ptr<planned> plan_program(const program& written) {
    return plan_program(written, std::make_unique<tree_reader>(written.rules)->out);
}

static std::unique_ptr<planned> plan_stages(const program& written, const source& read) {
    auto result = std::make_unique<planned>();
    const auto normal = std::make_unique<plan::normaliser<program_room>>(read);
    plan::list<plan::fact_shape, fact_room> facts;
    for (const fact& given : written.facts) facts.push(shape_of(given));
    plan::list<plan::name, plan::max_queries> queries;
    for (const std::string& name : written.queries) queries.push(name_of(name));
    {
        const auto made =
            std::make_unique<plan::shaper<plan_size, fact_room>>(normal->out, facts, queries);
        result->shapes = made->out;
    }
    result->mistake = result->shapes.mistake;
    if (!result->ok()) return result;
    result->conditions =
        std::make_unique<plan::domain_finder<plan_size, fact_room>>(result->shapes)->out;
    result->mistake = result->conditions.mistake;
    if (!result->ok()) return result;
    bool loops = false;
    for (int at : result->shapes.order)
        loops = loops || result->shapes.text.rules[at].recurs.loop >= 0;
    if (loops) {
        const auto made = std::make_unique<plan::loop_planner<plan_size, fact_room>>(
            result->shapes, result->conditions);
        result->shapes = made->program;
        result->conditions = made->conditions;
        result->mistake =
            result->shapes.mistake.ok() ? result->conditions.mistake : result->shapes.mistake;
        if (!result->ok()) return result;
    }
    const auto work = std::make_unique<draft>(result->shapes, result->conditions);
    plan::builder<draft> build(*work);
    result->mistake = work->mistake;
    if (!result->ok()) return result;
    result->steps = std::make_unique<tables>(std::make_unique<training_placer>(*work)->placed());
    result->inference =
        std::make_unique<tables>(std::make_unique<inference_placer>(*work)->placed());
    result->rows = std::make_unique<found_rows>(rows_form(result->shapes, work->out).found);
    result->obstacle = result->rows->obstacle;
    if (result->obstacle.rule < 0) {
        const auto made =
            std::make_unique<state_placer>(*work, *result->rows, 1 + result->steps->parameters % 5);
        result->obstacle = made->made.obstacle;
        if (result->obstacle.rule < 0) result->state = std::make_unique<state_tables>(made->made);
    }
    return result;
}

/// The generator's room is larger than what the library gives the lists of one program: whether
/// these would have been full.
static void check_room(const source& read, const planned& of) {
    const plan::sizes room = plan::normal_size(
        {read.rules.size(), read.literals.size(), read.nodes.size(), read.scopes.size()});
    const auto check = [](const char* name, int size, int most) {
        if (size > most)
            throw std::runtime_error("a list of the planner would be full: " + std::string(name));
    };
    const auto& text = of.shapes.text;
    check("rules", text.rules.size(), room.rules);
    check("literals", text.literals.size(), room.literals);
    check("nodes", text.nodes.size(), room.nodes);
    check("relations", text.relations.size(), room.rules + room.literals);
    check("weights", text.weights.size(), 4 * room.rules + room.literals);
    check("order", of.shapes.order.size(), room.rules);
    check("conditions", of.conditions.pool.nodes.size(),
          plan::pool_size(room.nodes, room.literals));
    if (!of.steps) return;
    check("steps", of.steps->steps.size(), 2 * room.rules);
    check("row steps", of.steps->rows.size(), room.rules);
    check("attention steps", of.steps->attentions.size(), room.rules);
    check("general steps", of.steps->generals.size(), room.rules);
    check("buffers", of.steps->buffers.size(), 3 * room.rules + 4);
    check("conditions of steps", of.steps->pool.nodes.size(),
          plan::pool_size(room.nodes, room.literals));
}

std::unique_ptr<planned> plan_program(const program& written, const source& read) {
    auto result = plan_stages(written, read);
    check_room(read, *result);
    return result;
}

}  // namespace random_programs
