#include "graph/fuse_layers.h"

#include <algorithm>

#include "graph/registry.h"

namespace lmspt {

namespace {

// Inputs of fused_linear beyond x, w, b, and of the gradients of norms beyond x, w, gy.
constexpr size_t kGeluInput = 3, kLinearResidual = 4, kNormResidual = 3;

bool is(const Step& step, const char* op) { return step.op && step.op->name == op; }
bool is_norm(const Step& step) { return is(step, "layer_norm") || is(step, "rms_norm"); }

class LayerFusion {
 public:
  explicit LayerFusion(Program& program) : program_(program), uses_(program.use_counts()), maker_(program.makers()) {}

  void run() {
    for (int i = 0; i < count(); ++i) {
      if (is(at(i), "matmul")) make_linear(at(i));
    }
    for (int i = 0; i < count(); ++i) {
      if (is(at(i), "gelu")) join_gelu(i);
      if (is(at(i), "gelu_grad")) join_gelu_gradient(i);
      if (is(at(i), "add") && shape(at(i).inputs[0]) == shape(at(i).inputs[1])) {
        join_norm(i) || join_gradient_sum(i) || join_sum(i);
      }
    }
    program_.drop_steps_without_op();
  }

 private:
  int count() const { return static_cast<int>(program_.steps.size()); }
  Step& at(int index) { return program_.steps[index]; }
  const Shape& shape(ValueId value) const { return program_.values[value].shape; }

  void note(int index) {
    for (ValueId id : at(index).outputs) maker_[id] = index;
  }
  void replace(int index, Step step) {
    at(index) = std::move(step);
    note(index);
  }

  // Rows by one matrix. Of others, such as scores of attention, what is stored in between is not ours to choose.
  void make_linear(Step& step) {
    if (step.attrs.b("transpose_a") || shape(step.inputs[1]).rank != 2) return;
    step = fused(step, !step.attrs.b("transpose_b"));
  }

  static Step fused(const Step& product, bool transposed) {
    const OpDef& op = Registry::get().op("fused_linear");
    const AttrArgs attrs = {{"transposed", transposed}, {"precision", product.attrs.i("precision")}};
    return {&op, resolve_attrs(op, attrs), product.inputs, product.outputs};
  }

  // The product that makes the value as a fused_linear without a finish; no op where there is none.
  Step product_of(ValueId value) {
    if (maker_[value] < 0) return {};
    const Step& step = at(maker_[value]);
    if (is(step, "linear")) return fused(step, false);
    const bool plain = is(step, "fused_linear") && step.attrs.i("gelu") == 0 && !step.has_input(kGeluInput) &&
                       !step.has_input(kLinearResidual);
    return plain ? step : Step{};
  }

  // gelu(linear(...)); with a second output where something else, such as GELU's gradient, reads the linear layer's.
  void join_gelu(int index) {
    const ValueId inner = at(index).inputs[0];
    Step product = product_of(inner);
    if (!product.op) return;
    const bool others = uses_[inner] > 1;
    product.attrs.find("gelu")->integer = others ? 2 : 1;
    product.outputs = {at(index).outputs[0]};
    if (others) product.outputs.push_back(inner);
    at(index).op = nullptr;
    replace(maker_[inner], std::move(product));
  }

  // gelu_grad(u, linear(...)), where the gradient was recorded: u may be computed again in between.
  void join_gelu_gradient(int index) {
    const ValueId input = at(index).inputs[0], inner = at(index).inputs[1];
    Step product = product_of(inner);
    if (!product.op || uses_[inner] != 1 || !(shape(input) == shape(inner))) return;
    product.set_input(kGeluInput, input);
    product.outputs = at(index).outputs;
    at(maker_[inner]).op = nullptr;
    replace(index, std::move(product));
  }

  // norm(add(x, y)), where the sum was recorded
  bool join_norm(int index) {
    const ValueId sum = at(index).outputs[0];
    for (int i = index + 1; i < count(); ++i) {
      const Step& norm = at(i);
      if (!is_norm(norm) || norm.inputs[0] != sum) continue;
      const auto known = [&](ValueId id) { return maker_[id] < index; };
      if (!std::all_of(norm.inputs.begin() + 1, norm.inputs.end(), known)) return false;
      const OpDef& op = Registry::get().op("fused_add_" + norm.op->name);
      Step joined{&op, norm.attrs, at(index).inputs, {sum, norm.outputs[0]}};
      joined.inputs.insert(joined.inputs.end(), norm.inputs.begin() + 1, norm.inputs.end());
      at(i).op = nullptr;
      replace(index, std::move(joined));
      return true;
    }
    return false;
  }

  // add(x, gradient of a norm), where the gradient was recorded
  bool join_gradient_sum(int index) {
    for (int side : {1, 0}) {
      const ValueId gradient = at(index).inputs[side], other = at(index).inputs[1 - side];
      const int maker = maker_[gradient];
      if (maker < 0 || uses_[gradient] != 1 || maker_[other] >= maker) continue;
      Step& norm = at(maker);
      const bool fits = is(norm, "layer_norm_grad") || is(norm, "rms_norm_grad");
      if (!fits || norm.outputs[0] != gradient || norm.has_input(kNormResidual)) continue;
      norm.set_input(kNormResidual, other);
      norm.outputs[0] = at(index).outputs[0];
      at(index).op = nullptr;
      note(maker);
      return true;
    }
    return false;
  }

  // add(x, linear(...)), where the sum was recorded: x may be computed in between
  bool join_sum(int index) {
    for (int side : {1, 0}) {
      const ValueId inner = at(index).inputs[side];
      Step product = product_of(inner);
      if (!product.op || uses_[inner] != 1) continue;
      product.set_input(kLinearResidual, at(index).inputs[1 - side]);
      product.outputs = at(index).outputs;
      at(maker_[inner]).op = nullptr;
      replace(index, std::move(product));
      return true;
    }
    return false;
  }

  Program& program_;
  const std::vector<int> uses_;
  std::vector<int> maker_;  // by value: the step that makes it
};

}  // namespace

void fuse_layers(Program& program) { LayerFusion(program).run(); }

}  // namespace lmspt
