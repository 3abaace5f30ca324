// Convolutions that also apply the Snake of the layer which reads them, so that it need not go over them once more.
// With `activated` = 1, y is snake(y, next_alpha); with 2 that is a second output.
#pragma once

#include "graph/op.h"

namespace lmspt {

inline AttrSpec activated_attr() { return AttrSpec::integer("activated", 0); }

// Outputs of shape y; `next_alpha` is the index of that input, which has to be there where something is activated.
inline void infer_activated(InferContext& context, const Shape& y, int next_alpha) {
  context.expect_attr("activated", 0, 2);
  const int64_t activated = context.attrs.i("activated");
  context.expect(context.has(next_alpha) == (activated > 0),
                 "expected next_alpha where y is activated, and only there");
  if (context.has(next_alpha)) context.expect_shape(next_alpha, "next_alpha", make_shape({y[-1]}));
  context.output(y);
  if (activated == 2) context.output(y);
}

}  // namespace lmspt
