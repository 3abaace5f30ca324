#include "graph/fuse_next_snake.h"

#include <algorithm>

#include "ops/conv1d/conv_inputs.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// Steps to the layer that follows, and packing in between: what is read much later, such as a segment that is computed
// again for its gradient, would be kept until then.
constexpr int kNear = 8;

// The index of the input `next_alpha`; 0 where there is none.
size_t next_alpha_of(const Step& step) {
  if (step.op->name == "conv1d") return kConvNextAlpha;
  if (step.op->name == "conv_transpose1d") return kTransposeNextAlpha;
  return step.op->name == "fused_residual_unit" ? kUnitNextAlpha : 0;
}

bool can_activate(const Program& program, const Step& step) {
  if (next_alpha_of(step) == 0 || step.attrs.i("activated") > 0 || step.attrs.i("groups") > 1) return false;
  return !step.op->packs || step.op->packs(step.attrs, program.input_tensors(step));
}

bool is_in_bf16(const Step& step) {
  return step.attrs.find("precision") && precision_of(step.attrs) == Precision::bf16;
}

// Whether something reads the value as bf16 numbers, as which a step in another precision does not store it.
bool is_read_in_bf16(const Program& program, ValueId value) {
  return std::any_of(program.steps.begin(), program.steps.end(), [&](const Step& step) {
    return step.op && is_in_bf16(step) && std::count(step.inputs.begin(), step.inputs.end(), value) > 0;
  });
}

// Views of what no step makes, such as parameters in the shape that Snake wants, come first.
void hoist_views(Program& program) {
  const std::vector<int> maker = program.makers();
  std::stable_partition(program.steps.begin(), program.steps.end(),
                        [&](const Step& step) { return step.op->is_view && maker[step.inputs[0]] < 0; });
}

// Lets `source` make `activated`, instead of its result where that is read by nothing else.
void activate(Step& source, ValueId alpha, ValueId activated, bool alone) {
  source.set_input(next_alpha_of(source), alpha);
  source.attrs.find("activated")->integer = alone ? 1 : 2;
  if (alone) source.outputs.clear();
  source.outputs.push_back(activated);
}

}  // namespace

bool prepares_input(const Program& program, const Step& step, Device& device) {
  return device.prepares_input(step.op->name.c_str(), DescribedCall(program, step).context());
}

void fuse_next_snakes(Program& program, Device& device) {
  hoist_views(program);
  const std::vector<int> uses = program.use_counts();
  std::vector<int> maker = program.makers();
  for (int i = 0; i < static_cast<int>(program.steps.size()); ++i) {
    Step& step = program.steps[i];
    const bool is_snake = step.op->name == "snake";
    const bool has_pass =
        step.op->name == "conv1d" && step.has_input(kConvAlpha) && prepares_input(program, step, device);
    if (!is_snake && !has_pass) continue;
    const ValueId x = step.inputs[0], alpha = step.inputs[is_snake ? 1 : kConvAlpha];
    const int from = maker[x];
    if (from < 0 || i - from > kNear || maker[alpha] >= from || !can_activate(program, program.steps[from])) continue;
    const bool rounds = is_read_in_bf16(program, is_snake ? step.outputs[0] : x);
    if (rounds && !is_in_bf16(program.steps[from])) continue;
    const ValueId activated = is_snake ? step.outputs[0] : program.add_value(program.values[x]);
    activate(program.steps[from], alpha, activated, uses[x] == 1);
    if (is_snake) {
      step.op = nullptr;
      maker[activated] = from;
    } else {
      step.inputs[0] = activated;
      step.inputs[kConvAlpha] = kNoValue;
    }
  }
  program.drop_steps_without_op();
}

}  // namespace lmspt
