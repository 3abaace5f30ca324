#include "graph/fuse_leaky_relu.h"

#include "ops/conv2d/conv2d.h"

namespace lmspt {

namespace {

bool is(const Step& step, const char* op) { return step.op && step.op->name == op; }

class LeakyReluFusion {
 public:
  explicit LeakyReluFusion(Program& program)
      : program_(program), uses_(program.use_counts()), maker_(program.makers()) {}

  void run() {
    for (int i = 0; i < static_cast<int>(program_.steps.size()); ++i) {
      if (is(at(i), "leaky_relu")) join_forward(i);
      if (is(at(i), "leaky_relu_grad")) join_gradient(i);
    }
    program_.drop_steps_without_op();
  }

 private:
  Step& at(int index) { return program_.steps[index]; }
  const Shape& shape(ValueId value) const { return program_.values[value].shape; }

  // The step of this op that makes the value for one reader alone; null where there is none.
  Step* only_maker(ValueId value, const char* op) {
    if (maker_[value] < 0 || uses_[value] != 1) return nullptr;
    Step& step = at(maker_[value]);
    return is(step, op) ? &step : nullptr;
  }

  Step* plain_gradient(ValueId value) {
    Step* step = only_maker(value, "conv2d_input_grad");
    return step && step->attrs.f("slope") == 1 && !step->has_input(kConv2dResidual) ? step : nullptr;
  }

  // leaky_relu(conv2d(...)), where the convolution was recorded
  void join_forward(int index) {
    const double slope = at(index).attrs.f("a");
    const ValueId inner = at(index).inputs[0];
    Step* conv = only_maker(inner, "conv2d");
    if (!conv || conv->attrs.f("slope") != 1 || !(slope > 0)) return;
    conv->attrs.find("slope")->real = slope;
    conv->outputs = at(index).outputs;
    maker_[conv->outputs[0]] = maker_[inner];
    at(index).op = nullptr;
  }

  // leaky_relu_grad(y, conv2d_input_grad(...)) or leaky_relu_grad(y, add(x, conv2d_input_grad(...))), where the
  // gradient was recorded: x and y may be computed in between
  void join_gradient(int index) {
    const double slope = at(index).attrs.f("a");
    const ValueId y = at(index).inputs[0];
    ValueId inner = at(index).inputs[1], residual = kNoValue;
    if (!(slope > 0) || !(shape(y) == shape(inner))) return;
    Step* sum = only_maker(inner, "add");
    if (sum && !(shape(sum->inputs[0]) == shape(sum->inputs[1]))) return;
    Step* conv = nullptr;
    if (sum) {
      for (int side = 1; side >= 0 && !conv; --side) {
        conv = plain_gradient(sum->inputs[side]);
        residual = sum->inputs[1 - side];
      }
    } else {
      conv = plain_gradient(inner);
    }
    if (!conv) return;
    Step joined = *conv;
    joined.attrs.find("slope")->real = slope;
    if (sum) joined.set_input(kConv2dResidual, residual);
    joined.set_input(kConv2dSigns, y);
    joined.outputs = at(index).outputs;
    conv->op = nullptr;
    if (sum) sum->op = nullptr;
    at(index) = joined;
  }

  Program& program_;
  const std::vector<int> uses_;
  std::vector<int> maker_;  // by value: the step that makes it
};

}  // namespace

void fuse_leaky_relu(Program& program) { LeakyReluFusion(program).run(); }

}  // namespace lmspt
