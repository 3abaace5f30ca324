#include "ops/conv1d/convolution_gradient.h"

#include "graph/graph.h"

namespace lmspt {

void convolution_gradient(GradContext& context, const char* transposed, bool x_slides) {
  const ValueId gy = context.output_grads[0], x = context.in(0), w = context.in(1);
  const Attrs& attrs = context.node.attrs;
  const AttrArgs geometry = {{"stride", attrs.i("stride")},
                             {"dilation", attrs.i("dilation")},
                             {"groups", attrs.i("groups")},
                             {"pad_left", attrs.i("pad_left")}};
  if (context.needs(0)) {
    AttrArgs args = geometry;
    args.emplace_back("length", context.in_shape(0)[1]);
    args.emplace_back("precision", attrs.i("precision"));
    if (x_slides) args.emplace_back("winograd", attrs.i("winograd"));
    context.input_grads[0] = context.call(transposed, {gy, w}, args);
  }
  if (context.needs(1)) {
    AttrArgs args = geometry;
    args.emplace_back("kernel", context.in_shape(1)[2]);
    args.emplace_back("precision", attrs.i("precision"));
    const std::vector<ValueId> inputs = x_slides ? std::vector{x, gy} : std::vector{gy, x};
    context.input_grads[1] = context.call("conv1d_weight_grad", inputs, args);
  }
  if (context.needs(2)) context.input_grads[2] = context.call("sum", {gy}, {{"first", 0}, {"last", 1}});
}

void refuse_items(const GradContext& context, int ends) {
  if (context.in(ends) == kNoValue) return;
  throw Error(
      ErrorCode::unsupported,
      "[" + context.node.op->name + "] has no gradient of items of different lengths: record those of one length");
}

}  // namespace lmspt
