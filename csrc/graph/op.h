// What an op is: a name, a list of attributes, a shape rule, a gradient, and kernels found by name per device.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "device/attrs.h"
#include "device/error.h"
#include "device/kernel.h"
#include "device/tensor.h"

namespace lmspt {

class Graph;
struct Node;
using ValueId = int32_t;
constexpr ValueId kNoValue = -1;

std::string to_string(const Shape& shape);  // "[2, 16, 50]"

// No shape has more elements, and no integer attribute is larger, so that shape rules may add a few of them. Rules that
// multiply them narrow the range first.
constexpr int64_t kMaxElements = int64_t{1} << 40;
bool is_countable(const Shape& shape);                              // no negative dimension, at most kMaxElements
void check_countable(const std::string& what, const Shape& shape);  // throws where it is not
Shape make_shape(std::initializer_list<int64_t> dims);

// An attribute with its default; `required` attributes have none.
struct AttrSpec {
  const char* name;
  AttrKind kind;
  AttrValue fallback;
  bool required = false;

  static AttrSpec integer(const char* name, int64_t fallback);
  static AttrSpec real(const char* name, double fallback);
  static AttrSpec required_integer(const char* name);
  static AttrSpec required_list(const char* name);
};

// Attributes as the recorder gives them.
struct AttrArg {
  AttrArg(const char* name, int64_t value);
  AttrArg(const char* name, int value) : AttrArg(name, static_cast<int64_t>(value)) {}
  AttrArg(const char* name, bool value) : AttrArg(name, static_cast<int64_t>(value)) {}
  AttrArg(const char* name, double value);
  AttrArg(const char* name, const std::vector<int64_t>& list);
  AttrArg(const char* name, const Shape& shape);
  AttrArg(std::string name, AttrValue value) : name(std::move(name)), value(value) {}
  std::string name;
  AttrValue value;
};
using AttrArgs = std::vector<AttrArg>;

// Given to a shape rule: the inputs' shapes and types; it sets those of the outputs or throws.
struct InferContext {
  const char* op;
  std::vector<Tensor> inputs;  // no data; an absent optional input has rank -1
  const Attrs& attrs;
  std::vector<Tensor> outputs;

  bool has(int input) const { return input < static_cast<int>(inputs.size()) && inputs[input].shape.rank >= 0; }
  const Shape& shape(int input) const { return inputs[input].shape; }
  void output(const Shape& shape, DType dtype = DType::f32) { outputs.push_back({nullptr, dtype, shape}); }

  // Throws "[conv1d] expected x with 64 channels, got 32" when the condition does not hold.
  void expect(bool condition, const std::string& message) const;
  void expect_rank(int input, const char* name, int rank) const;
  void expect_dtype(int input, const char* name, DType dtype) const;
  void expect_shape(int input, const char* name, const Shape& shape) const;
  void expect_attr(const char* name, int64_t least, int64_t most) const;  // an integer attribute
};

// Given to a gradient rule, which records graph calls.
struct GradContext {
  Graph& graph;
  const Node& node;
  std::vector<ValueId> output_grads;  // kNoValue where no gradient arrives
  std::vector<bool> needed;           // per input
  std::vector<ValueId> input_grads;   // to be filled for the needed inputs

  ValueId in(int i) const;
  ValueId out(int i) const;
  const Shape& in_shape(int i) const;
  bool needs(int i) const { return i < static_cast<int>(needed.size()) && needed[i]; }
  ValueId call(const char* op, const std::vector<ValueId>& inputs, const AttrArgs& attrs = {}) const;
};

struct OpDef {
  std::string name;
  int min_inputs = 1;
  int max_inputs = 1;
  std::vector<AttrSpec> attrs = {};
  std::function<void(InferContext&)> infer = {};
  std::function<void(GradContext&)> gradient = {};
  std::string no_gradient = {};  // the reason, where `gradient` is empty

  // Element types: f32 for all inputs but these, or whatever comes.
  std::vector<int> integer_inputs = {};
  bool any_type = false;

  // The output is the first input's memory under another shape; such an op has no kernel.
  bool is_view = false;

  // The input over which the kernel may write an output, -1 for none; empty where that is so for all.
  std::function<int(int output)> overwrites = {};

  // The kernel wants this input rewritten by another op first; done once where the input never changes.
  struct Packing {
    int input;
    std::string op;
    std::function<AttrArgs(const Attrs& attrs, const std::vector<Tensor>& inputs)> attrs;
  };
  std::vector<Packing> packing = {};

  // Whether this call packs at all; empty means that every call does.
  std::function<bool(const Attrs& attrs, const std::vector<Tensor>& inputs)> packs = {};
};

}  // namespace lmspt
