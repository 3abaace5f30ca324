#include "ops/optimizer/optimizer.h"

#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

void infer_global_norm(InferContext& context) { context.output(Shape{}); }

void infer_adamw(InferContext& context) {
  const char* scalars[] = {"rate", "step", "norm"};
  for (int i = 0; i < kAdamwScalars; ++i) context.expect_shape(i, scalars[i], Shape{});
  const int tensors = static_cast<int>(context.inputs.size()) - kAdamwScalars;
  context.expect(tensors % kAdamwInputs == 0, "expected p, m, v and g of every tensor, got " + std::to_string(tensors) +
                                                  " inputs after the scalars");
  for (int p = kAdamwScalars; p < kAdamwScalars + tensors; p += kAdamwInputs) {
    const Shape shape = context.shape(p);
    const char* names[] = {"p", "m", "v", "g"};
    for (int i = 1; i < kAdamwInputs; ++i) context.expect_shape(p + i, names[i], shape);
    for (int i = 0; i < kAdamwOutputs; ++i) context.output(shape);
  }
  for (const char* name : {"beta1", "beta2"}) {
    const double beta = context.attrs.f(name);
    context.expect(0 <= beta && beta < 1,
                   std::string("expected ") + name + " from 0 to below 1, got " + std::to_string(beta));
  }
  for (const char* name : {"epsilon", "weight_decay", "max_norm"}) {
    const double value = context.attrs.f(name);
    context.expect(value >= 0, std::string("expected ") + name + " of at least 0, got " + std::to_string(value));
  }
}

}  // namespace

void register_optimizer(Registry& registry) {
  registry.add({"global_norm", 1, kMostTensors, {}, infer_global_norm, nullptr, "measures gradients"});
  OpDef adamw{"adamw",
              kAdamwScalars + kAdamwInputs,
              kAdamwScalars + kAdamwInputs * kMostTensors,
              {AttrSpec::real("beta1", 0.9), AttrSpec::real("beta2", 0.999), AttrSpec::real("epsilon", 1e-8),
               AttrSpec::real("weight_decay", 0), AttrSpec::real("max_norm", 0)},
              infer_adamw,
              nullptr,
              "updates parameters"};
  adamw.overwrites = [](int output) { return adamw_overwrites(output); };
  registry.add(adamw);
}

}  // namespace lmspt
