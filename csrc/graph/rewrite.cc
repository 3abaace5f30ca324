// The rewriting passes over a program: convolutions made straight, fusion, weight packing.
#include <map>

#include "device/setting.h"
#include "graph/expression.h"
#include "graph/fuse_layers.h"
#include "graph/fuse_leaky_relu.h"
#include "graph/fuse_next_snake.h"
#include "graph/fuse_quantizer.h"
#include "graph/program.h"
#include "graph/registry.h"
#include "ops/conv1d/conv_inputs.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// conv1d(snake(x, alpha), w, b) -> conv1d(x, w, b, alpha)
void fuse_snake(Program& program) {
  const std::vector<int> uses = program.use_counts();
  std::map<ValueId, size_t> snakes;
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    if (step.op->name == "conv1d" && !step.has_input(kConvAlpha)) {
      const auto snake = snakes.find(step.inputs[0]);
      if (snake != snakes.end() && uses[step.inputs[0]] == 1) {
        Step& source = steps[snake->second];
        step.inputs[0] = source.inputs[0];
        step.set_input(kConvAlpha, source.inputs[1]);
        source.op = nullptr;
      }
    }
    if (step.op->name == "snake") snakes[step.outputs[0]] = steps.size();
    steps.push_back(step);
  }
  program.steps = std::move(steps);
  program.drop_steps_without_op();
}

// add(x, conv1d(...)) -> conv1d(..., residual = x)
void fuse_residual(Program& program) {
  const std::vector<int> uses = program.use_counts();
  std::map<ValueId, size_t> convolutions;
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    bool fused = false;
    if (step.op->name == "add" && program.values[step.inputs[0]].shape == program.values[step.inputs[1]].shape) {
      for (int side = 1; side >= 0 && !fused; --side) {
        const auto conv = convolutions.find(step.inputs[side]);
        if (conv == convolutions.end() || uses[step.inputs[side]] != 1) continue;
        Step joined = steps[conv->second];
        if (joined.has_input(kConvResidual)) continue;
        joined.set_input(kConvResidual, step.inputs[1 - side]);
        joined.outputs = step.outputs;
        steps[conv->second].op = nullptr;  // it moves here: the other summand may be computed in between
        steps.push_back(joined);
        fused = true;
      }
    }
    if (fused) continue;
    if (step.op->name == "conv1d") convolutions[step.outputs[0]] = steps.size();
    steps.push_back(step);
  }
  program.steps = std::move(steps);
  program.drop_steps_without_op();
}

// Units whose rows would not stay in the cache gain nothing, nor do those narrower than a vector; few rows are better
// shared out by channels. On CUDA a tile has all channels of its rows.
bool is_worth_fusing(const Shape& x, const Device& device) {
  if (!device.is_host()) return x[2] <= 192;
  return x[2] >= 16 && x[2] <= 192 && x[0] * x[1] >= 4096;
}

// On the CPU both convolutions of a unit in bf16, or the first one by the fast algorithm. On CUDA not where they are
// two kernels anyway, of which each is better given what went through Snake.
bool has_fused_kernel(const Program& program, const Step& first, const Step& second, const Step& unit, Device& device) {
  const Precision precision = precision_of(first.attrs);
  if (precision != precision_of(second.attrs)) return false;
  if (first.attrs.b("transposed") || second.attrs.b("transposed")) return false;
  if (!device.is_host()) {
    return first.attrs.i("stride") == 1 && first.attrs.i("groups") == 1 && !prepares_input(program, unit, device);
  }
  const Shape& x = program.values[unit.inputs[0]].shape;
  return is_bf16(precision) ? x[2] % 2 == 0 && first.attrs.i("stride") == 1 : first.attrs.b("winograd");
}

// Whether conv1d(conv1d(x, ..., alpha = ...), w of one tap, ..., alpha = ..., residual = x) is what the steps compute.
bool are_unit(const Program& program, const Step& first, const Step& second) {
  const ValueId x = first.inputs[0];
  const Shape &shape = program.values[x].shape, &w = program.values[second.inputs[1]].shape;
  return second.has_input(kConvResidual) && second.inputs[kConvResidual] == x && first.has_input(kConvAlpha) &&
         !first.has_input(kConvResidual) && second.has_input(kConvAlpha) && w[2] == 1 &&
         second.attrs.i("groups") == 1 && second.attrs.i("stride") == 1 && second.attrs.i("pad_left") == 0 &&
         !second.has_input(kConvEnds) && program.values[second.outputs[0]].shape == shape &&
         program.values[second.inputs[0]].shape == shape;
}

Step unit_of(const Step& first, const Step& second) {
  Step unit{&Registry::get().op("fused_residual_unit"), first.attrs, {}, second.outputs};
  unit.inputs = {first.inputs[0],           first.inputs[1],       first.input(2),
                 first.inputs[kConvAlpha],  second.inputs[1],      second.input(2),
                 second.inputs[kConvAlpha], first.input(kConvEnds)};
  return unit;
}

void fuse_residual_units(Program& program, Device& device) {
  const std::vector<int> uses = program.use_counts();
  std::map<ValueId, size_t> convolutions;  // by their result
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    const bool is_conv = step.op->name == "conv1d";
    const auto inner = is_conv ? convolutions.find(step.inputs[0]) : convolutions.end();
    if (inner != convolutions.end() && uses[step.inputs[0]] == 1) {
      const Step& first = steps[inner->second];
      if (are_unit(program, first, step) && is_worth_fusing(program.values[first.inputs[0]].shape, device)) {
        Step unit = unit_of(first, step);
        if (has_fused_kernel(program, first, step, unit, device)) {
          steps[inner->second].op = nullptr;
          steps.push_back(std::move(unit));
          continue;
        }
      }
    }
    if (is_conv) convolutions[step.outputs[0]] = steps.size();
    steps.push_back(step);
  }
  program.steps = std::move(steps);
  program.drop_steps_without_op();
}

}  // namespace

void straighten_convolutions(Program& program, const Device& device) {
  if (!device.is_host()) return;  // CUDA has a kernel of its own, and none of the fast algorithm
  for (Step& step : program.steps) {
    const Attrs attrs = step.attrs;
    if (step.op->name != "conv_transpose1d" || attrs.i("stride") != 1 || attrs.i("groups") != 1) continue;
    if (attrs.i("activated") > 0) continue;
    const int64_t reach = (program.values[step.inputs[1]].shape[2] - 1) * attrs.i("dilation");
    const bool has_items = step.has_input(kTransposeEnds);
    step.op = &Registry::get().op("conv1d");
    step.attrs = resolve_attrs(*step.op, {{"dilation", attrs.i("dilation")},
                                          {"pad_left", reach - attrs.i("pad_left")},
                                          {"pad_right", reach - attrs.i("pad_right")},
                                          {"length", has_items ? -1 : program.values[step.outputs[0]].shape[1]},
                                          {"winograd", attrs.i("winograd")},
                                          {"transposed", true},
                                          {"frame_rows", attrs.i("frame_rows")},
                                          {"missing", attrs.i("missing")},
                                          {"precision", attrs.i("precision")}});
    if (!has_items) continue;
    step.set_input(kConvEnds, step.inputs[kTransposeEnds]);
    step.inputs[kTransposeEnds] = kNoValue;
  }
}

void fuse(Program& program, Device& device) {
  if (is_switched_off("LMSPT_FUSION")) return;
  fuse_snake(program);
  fuse_residual(program);
  fuse_residual_units(program, device);
  if (!is_switched_off("LMSPT_FUSED_QUANTIZER")) fuse_quantizers(program);
  if (device.is_host()) return;
  if (!is_switched_off("LMSPT_FUSED_LAYERS")) fuse_layers(program);
  if (!is_switched_off("LMSPT_FUSED_LEAKY_RELU")) fuse_leaky_relu(program);
  if (!is_switched_off("LMSPT_NEXT_SNAKE")) fuse_next_snakes(program, device);
}

void insert_packing(Program& program) {
  std::map<std::string, ValueId> packed;  // by source value and layout
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    const std::vector<Tensor> inputs = program.input_tensors(step);
    if (!step.op->packs || step.op->packs(step.attrs, inputs)) {
      for (const OpDef::Packing& packing : step.op->packing) {
        if (!step.has_input(packing.input)) continue;
        const OpDef& op = Registry::get().op(packing.op);
        const Attrs attrs = resolve_attrs(op, packing.attrs(step.attrs, inputs));
        const ValueId source = step.inputs[packing.input];
        const std::string key = std::to_string(source) + " " + expression_of(op, attrs);
        const auto known = packed.find(key);
        if (known != packed.end()) {
          step.inputs[packing.input] = known->second;
          continue;
        }
        InferContext infer{op.name.c_str(), {program.values[source]}, attrs, {}};
        op.infer(infer);
        check_countable(op.name, infer.outputs[0].shape);
        const ValueId result = program.add_value(infer.outputs[0]);
        packed[key] = result;
        steps.push_back({&op, attrs, {source}, {result}});
        step.inputs[packing.input] = result;
      }
    }
    steps.push_back(step);
  }
  program.steps = std::move(steps);
}

}  // namespace lmspt
