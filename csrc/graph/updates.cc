// Variables that a plan gives new values.
#include <algorithm>

#include "graph/program.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

// By value: the last step that reads it or a view of it, -1 for none; outputs read after all steps.
std::vector<int> last_reads(const Program& program, const std::vector<ValueId>& root) {
  std::vector<int> last(program.values.size(), -1);
  for (size_t index = 0; index < program.steps.size(); ++index) {
    if (program.steps[index].op->is_view) continue;
    for (ValueId id : program.steps[index].inputs) {
      if (id != kNoValue) last[root[id]] = static_cast<int>(index);
    }
  }
  for (const NamedValue& output : program.outputs) last[root[output.value]] = static_cast<int>(program.steps.size());
  return last;
}

void check(const Program& program, const Update& update, const std::vector<ValueId>& root) {
  const Tensor &variable = program.values[update.variable], &value = program.values[update.value];
  if (program.sources[update.variable].variable->frozen()) {
    throw Error(ErrorCode::invalid_argument,
                "Expected updates of variables that are not frozen; make them with frozen: false");
  }
  if (!(variable.shape == value.shape) || variable.dtype != value.dtype) {
    throw Error(ErrorCode::shape, "Expected an update of the variable's type and shape " + to_string(variable.shape) +
                                      ", got " + to_string(value.shape));
  }
  if (program.sources[root[update.value]].kind != NodeKind::op) {
    throw Error(ErrorCode::invalid_argument,
                "Expected an update that an operation computes, got an input, a constant or a variable");
  }
  const bool is_output = std::any_of(program.outputs.begin(), program.outputs.end(),
                                     [&](const NamedValue& output) { return root[output.value] == update.variable; });
  if (is_output) {
    throw Error(ErrorCode::invalid_argument,
                "Expected outputs that are not a variable which the plan updates; take its new value instead");
  }
}

// Whether `step`, the one with this index, may write the update's value over the variable.
bool in_place(const Program& program, const Step& step, int index, const Update& update,
              const std::vector<ValueId>& root, const std::vector<int>& last) {
  if (!step.op->overwrites || last[update.variable] != index || program.stored_in[update.value] != kNoValue)
    return false;
  const auto output = std::find(step.outputs.begin(), step.outputs.end(), update.value);
  const int input = step.op->overwrites(static_cast<int>(output - step.outputs.begin()));
  const bool once = std::count_if(step.inputs.begin(), step.inputs.end(),
                                  [&](ValueId id) { return id != kNoValue && root[id] == update.variable; }) == 1;
  return input >= 0 && once && step.inputs[input] == update.variable;
}

// value -> broadcast_to, which copies, written to the variable's memory
void copy_at_end(Program& program, const Update& update) {
  const OpDef& op = Registry::get().op("broadcast_to");
  const Tensor type = program.values[update.value];
  if (type.dtype != DType::f32) {
    throw Error(ErrorCode::unsupported, "Expected an update of type f32, got i32");
  }
  const ValueId copy = program.add_value(type);
  program.stored_in[copy] = update.variable;
  program.steps.push_back({&op, resolve_attrs(op, {{"shape", type.shape}}), {update.value}, {copy}});
}

}  // namespace

void insert_updates(Program& program) {
  const std::vector<ValueId> root = program.roots();
  const std::vector<int> last = last_reads(program, root);
  const std::vector<int> maker = program.makers();
  for (const Update& update : program.updates) {
    check(program, update, root);
    const int index = maker[update.value];
    if (in_place(program, program.steps[index], index, update, root, last)) {
      program.stored_in[update.value] = update.variable;
    } else {
      copy_at_end(program, update);
    }
  }
}

}  // namespace lmspt
