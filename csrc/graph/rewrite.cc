// The rewriting passes over a program: convolutions made straight, fusion, weight packing.
#include <map>

#include "device/setting.h"
#include "graph/expression.h"
#include "graph/fuse_layers.h"
#include "graph/fuse_quantizer.h"
#include "graph/next_snake.h"
#include "graph/program.h"
#include "graph/registry.h"
#include "ops/conv1d/items.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// Inputs of conv1d beyond x, w, b.
constexpr size_t kConvAlpha = 3;
constexpr size_t kConvResidual = 4;

void set_input(Step& step, size_t index, ValueId value) {
  if (step.inputs.size() <= index) step.inputs.resize(index + 1, kNoValue);
  step.inputs[index] = value;
}

bool has_input(const Step& step, size_t index) { return step.inputs.size() > index && step.inputs[index] != kNoValue; }

// conv1d(snake(x, alpha), w, b) -> conv1d(x, w, b, alpha)
void fuse_snake(Program& program) {
  const std::vector<int> uses = program.use_counts();
  std::map<ValueId, size_t> snakes;
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    if (step.op->name == "conv1d" && !has_input(step, kConvAlpha)) {
      const auto snake = snakes.find(step.inputs[0]);
      if (snake != snakes.end() && uses[step.inputs[0]] == 1) {
        Step& source = steps[snake->second];
        step.inputs[0] = source.inputs[0];
        set_input(step, kConvAlpha, source.inputs[1]);
        source.op = nullptr;
      }
    }
    if (step.op->name == "snake") snakes[step.outputs[0]] = steps.size();
    steps.push_back(step);
  }
  program.steps.clear();
  for (Step& step : steps) {
    if (step.op) program.steps.push_back(std::move(step));
  }
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
        if (has_input(joined, kConvResidual)) continue;
        set_input(joined, kConvResidual, step.inputs[1 - side]);
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
  program.steps.clear();
  for (Step& step : steps) {
    if (step.op) program.steps.push_back(std::move(step));
  }
}

// Units whose rows would not stay in the cache gain nothing, nor do those narrower than a vector; few rows are better
// shared out by channels. On CUDA a tile has all channels of its rows.
bool is_worth_fusing(const Shape& x, const Device& device) {
  if (!device.is_host()) return x[2] <= 192;
  return x[2] >= 16 && x[2] <= 192 && x[0] * x[1] >= 4096;
}

// On the CPU both convolutions of a unit in bf16, or the first one by the fast algorithm. On CUDA not where they are
// two kernels anyway, of which each is better given what went through Snake.
bool has_fused_kernel(const Program& program, const Step& first, const Step& second, const Shape& x, Device& device) {
  const Precision precision = precision_of(first.attrs);
  if (precision != precision_of(second.attrs)) return false;
  if (first.attrs.b("transposed") || second.attrs.b("transposed")) return false;
  if (!device.is_host()) {
    return first.attrs.i("stride") == 1 && first.attrs.i("groups") == 1 && !prepares_input(program, first, device);
  }
  return is_bf16(precision) ? x[2] % 2 == 0 && first.attrs.i("stride") == 1 : first.attrs.b("winograd");
}

// conv1d(conv1d(x, ..., alpha = ...), w of one tap, ..., alpha = ..., residual = x) -> fused_residual_unit
void fuse_residual_units(Program& program, Device& device) {
  const std::vector<int> uses = program.use_counts();
  std::map<ValueId, size_t> convolutions;  // by their result
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    const bool is_conv = step.op->name == "conv1d";
    const auto inner = is_conv ? convolutions.find(step.inputs[0]) : convolutions.end();
    if (inner != convolutions.end() && uses[step.inputs[0]] == 1 && has_input(step, kConvResidual)) {
      const Step& first = steps[inner->second];
      const ValueId x = first.inputs[0];
      const Shape &shape = program.values[x].shape, &w = program.values[step.inputs[1]].shape;
      if (step.inputs[kConvResidual] == x && has_input(first, kConvAlpha) && !has_input(first, kConvResidual) &&
          has_input(step, kConvAlpha) && has_fused_kernel(program, first, step, shape, device) && w[2] == 1 &&
          step.attrs.i("groups") == 1 && step.attrs.i("stride") == 1 && step.attrs.i("pad_left") == 0 &&
          !has_input(step, kConvEnds) && program.values[step.outputs[0]].shape == shape &&
          program.values[step.inputs[0]].shape == shape && is_worth_fusing(shape, device)) {
        const auto input = [](const Step& of, size_t i) { return of.inputs.size() > i ? of.inputs[i] : kNoValue; };
        Step unit{&Registry::get().op("fused_residual_unit"), first.attrs, {}, step.outputs};
        unit.inputs = {x,
                       first.inputs[1],
                       input(first, 2),
                       first.inputs[kConvAlpha],
                       step.inputs[1],
                       input(step, 2),
                       step.inputs[kConvAlpha],
                       input(first, kConvEnds)};
        steps[inner->second].op = nullptr;
        steps.push_back(std::move(unit));
        continue;
      }
    }
    if (is_conv) convolutions[step.outputs[0]] = steps.size();
    steps.push_back(step);
  }
  program.steps.clear();
  for (Step& step : steps) {
    if (step.op) program.steps.push_back(std::move(step));
  }
}

}  // namespace

void straighten_convolutions(Program& program, const Device& device) {
  if (!device.is_host()) return;  // CUDA has a kernel of its own, and none of the fast algorithm
  for (Step& step : program.steps) {
    const Attrs attrs = step.attrs;
    if (step.op->name != "conv_transpose1d" || attrs.i("stride") != 1 || attrs.i("groups") != 1) continue;
    if (attrs.i("activated") > 0) continue;
    const int64_t reach = (program.values[step.inputs[1]].shape[2] - 1) * attrs.i("dilation");
    const bool has_items = has_input(step, kTransposeEnds);
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
    set_input(step, kConvEnds, step.inputs[kTransposeEnds]);
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
  if (!is_switched_off("LMSPT_NEXT_SNAKE")) apply_next_snakes(program, device);
}

void insert_packing(Program& program) {
  std::map<std::string, ValueId> packed;  // by source value and layout
  std::vector<Step> steps;
  for (Step& step : program.steps) {
    const std::vector<Tensor> inputs = program.input_tensors(step);
    if (!step.op->packs || step.op->packs(step.attrs, inputs)) {
      for (const OpDef::Packing& packing : step.op->packing) {
        if (!has_input(step, packing.input)) continue;
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
