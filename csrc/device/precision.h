// In what precision matrix products are computed. Sums are always float32, and so is everything else.
#pragma once

#include <cstdint>

#include "device/attrs.h"

namespace lmspt {

// The values of the attribute "precision" of the ops that multiply matrices.
enum class Precision : int32_t {
  inherit = 0,  // as the plan says
  fp32 = 1,
  bf16x3 = 2,  // operands as sums of two bf16 numbers, three products of them
  bf16 = 3,    // operands rounded to bf16
  tf32 = 4,    // operands rounded to ten bits of fraction, on tensor cores of CUDA devices
};

constexpr int kPrecisions = 5;

inline Precision precision_of(const Attrs& attrs) { return static_cast<Precision>(attrs.i("precision")); }

}  // namespace lmspt
