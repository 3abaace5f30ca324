#include "graph/precision.h"

#include <cstring>

#include "graph/program.h"
#include "ops/precision.h"

namespace lmspt {

namespace {

// The attribute of an op that multiplies matrices; null for others, and for those that pack what it multiplies.
AttrValue* precision_in(Step& step) {
  const bool packs = std::strncmp(step.op->name.c_str(), "pack_", 5) == 0;
  return packs ? nullptr : step.attrs.find("precision");
}

constexpr int64_t kFewProducts = 16;  // sums of so few are as fast in float32

// The ops that have other kernels than those in float32 on the CPU, too.
bool is_reduced_everywhere(const std::string& op) {
  return op == "linear" || op == "conv1d" || op == "conv_transpose1d" || op == "fused_residual_unit";
}

// Convolutions that are no matrix products, groups, and strides together with dilations have float32 kernels alone.
bool has_reduced_kernel(Step& step, const Program& program, const Device& device) {
  if (!is_reduced_everywhere(step.op->name)) return !device.is_host();
  const Shape& w = program.values[step.inputs[1]].shape;
  const AttrValue* transposed = step.attrs.find("transposed");
  const int64_t products = w.count() / (transposed && transposed->integer ? w[1] : w[0]);
  if (step.op->name != "conv_transpose1d" && products < kFewProducts) return false;
  const auto one = [&](const char* name) { return !step.attrs.find(name) || step.attrs.find(name)->integer == 1; };
  const bool packs = !step.op->packs || step.op->packs(step.attrs, program.input_tensors(step));
  return packs && one("groups") && (one("stride") || one("dilation"));
}

// CUDA, where tensor cores are faster, has no kernel of the fast algorithm. Which kernel a convolution has depends on
// it.
void forget_algorithm(Step& step, const Device& device) {
  AttrValue* winograd = step.attrs.find("winograd");
  if (winograd && !device.is_host()) winograd->integer = 0;
}

// The fast algorithm would multiply the rounding errors of reduced precisions. On the CPU, a residual unit in float32
// has no other.
void resolve_algorithm(Step& step, Precision precision, const Device& device) {
  AttrValue* winograd = step.attrs.find("winograd");
  if (!winograd || !device.is_host()) return;
  if (precision != Precision::fp32) {
    winograd->integer = 0;
  } else if (step.op->name == "fused_residual_unit") {
    winograd->integer = 1;
  }
}

}  // namespace

std::string list_precisions(const Device& device) {
  std::string list;
  for (Precision precision : {Precision::fp32, Precision::bf16x3, Precision::tf32, Precision::bf16}) {
    if (device.arithmetic(precision) == Precision::inherit) continue;
    list += (list.empty() ? "\"" : ", \"") + std::string(precision_name(precision)) + "\"";
  }
  return list;
}

const char* precision_name(Precision precision) {
  switch (precision) {
    case Precision::fp32: return "fp32";
    case Precision::bf16x3: return "bf16x3";
    case Precision::bf16: return "bf16";
    case Precision::tf32: return "tf32";
    default: return "inherit";
  }
}

Precision precision_from_name(const std::string& name) {
  for (Precision precision : {Precision::fp32, Precision::bf16x3, Precision::tf32, Precision::bf16}) {
    if (name == precision_name(precision)) return precision;
  }
  throw Error(ErrorCode::invalid_argument,
              "Expected \"fp32\", \"bf16x3\", \"tf32\" or \"bf16\" for precision but received \"" + name + "\"");
}

void set_precision(Program& program, Precision precision) {
  for (Step& step : program.steps) {
    AttrValue* value = precision_in(step);
    if (value && value->integer == 0) value->integer = static_cast<int64_t>(precision);
  }
}

void resolve_precision(Program& program, const Device& device) {
  set_precision(program, Precision::fp32);
  for (Step& step : program.steps) {
    AttrValue* value = precision_in(step);
    if (!value) continue;
    forget_algorithm(step, device);
    const Precision asked = precision_of(step.attrs);
    Precision precision = device.arithmetic(asked);
    if (precision == Precision::inherit) {
      throw Error(ErrorCode::unsupported, "[" + step.op->name + "] expected a precision that " + device.kind() +
                                              " has, " + list_precisions(device) + ", got \"" + precision_name(asked) +
                                              "\"");
    }
    if (precision != Precision::fp32 && !has_reduced_kernel(step, program, device)) precision = Precision::fp32;
    value->integer = static_cast<int64_t>(precision);
    resolve_algorithm(step, precision, device);
  }
}

}  // namespace lmspt
