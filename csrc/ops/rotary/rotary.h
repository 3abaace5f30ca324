// rotary(x, positions): rotates pairs of features by angles that grow with the position, so that products of queries
// and keys tell how far apart they stand (Su et al. 2021).
//   x (B, T, H, D), D even; y of the same shape. With a = position base^(-2 i / D), pair i of D / 2:
//     y1 = x1 cos a - x2 sin a, y2 = x2 cos a + x1 sin a
//   A pair is (i, i + D / 2), with `interleaved` (2 i, 2 i + 1). `positions` (T) or (B, T) of type i32; 0 to T - 1
//   where absent. With `inverse` angles are negative, which is the gradient. Angles are computed in double precision.
#pragma once

#include "device/attrs.h"
#include "device/kernel.h"

namespace lmspt {

struct RotaryGeometry {
  int64_t batch, length, heads, pairs;
  double base;
  bool interleaved, inverse;
  bool shared;  // positions are those of all items

  LMSPT_INLINE_ANYWHERE int64_t size() const { return 2 * pairs; }
  LMSPT_INLINE_ANYWHERE int64_t first_of(int64_t pair) const { return interleaved ? 2 * pair : pair; }
  LMSPT_INLINE_ANYWHERE int64_t second_of(int64_t pair) const { return interleaved ? 2 * pair + 1 : pair + pairs; }
  // `row` counts over (B, T).
  LMSPT_INLINE_ANYWHERE int64_t position(const int32_t* positions, int64_t row) const {
    if (!positions) return row % length;
    return positions[shared ? row % length : row];
  }
};

LMSPT_INLINE RotaryGeometry rotary_geometry(const KernelContext& context) {
  const Shape& x = context.inputs[0].shape;
  const Attrs& attrs = *context.attrs;
  return {x[0],
          x[1],
          x[2],
          x[3] / 2,
          attrs.f("base"),
          attrs.b("interleaved"),
          attrs.b("inverse"),
          context.in(1).shape.rank == 1};
}

}  // namespace lmspt
