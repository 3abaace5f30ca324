// Packed weights: the matrix B [K, N] of a product as panels of 16 columns, [ceil(N / 16)][K][16], zeros beyond N.
// The layout is the same for all CPU variants.
#pragma once

#include "device/tensor.h"

namespace lmspt {

constexpr int kPanelWidth = 16;

LMSPT_INLINE int64_t panel_count(int64_t n) { return (n + kPanelWidth - 1) / kPanelWidth; }
LMSPT_INLINE int64_t packed_size(int64_t k, int64_t n) { return panel_count(n) * k * kPanelWidth; }

// Where B[k, n] lies in the packed form.
LMSPT_INLINE int64_t packed_index(int64_t k_size, int64_t k, int64_t n) {
  return (n / kPanelWidth * k_size + k) * kPanelWidth + n % kPanelWidth;
}

}  // namespace lmspt
