// The fast algorithm F(4, 4) for convolutions of stride 1 (Winograd 1980; Toom-Cook at the points +-1, +-2, +-1/2 and
// infinity): four output rows that lie `dilation` apart take seven products for every four taps instead of sixteen, so
// that seven taps cost 3.5 multiplications per output, not 7.
// The taps are split into groups of four, and the rows into blocks of 4 * dilation; block q with phase r < dilation
// holds the output rows (4 q + j) dilation + r, j < 4. For each of the seven points p:
//   v[p, q, r] = sum over j < 7 of input[p][j] x[(4 q + j) dilation + r - pad_left]
//   u[p, g]    = sum over j < 4 of weight[p][j] w[4 g + j], when the weights are packed
//   m[p, q, r] = sum over g of v[p, q + g, r] u[p, g], a product over overlapping rows
//   y[(4 q + j) dilation + r] = sum over p of output[j][p] m[p, q, r]
// Its rounding error is about twice that of direct summation. The bits of a row depend on its place in its block and on
// every row that the block reads: pieces of a sequence must begin at multiples of 4 * dilation rows.
#pragma once

#include "device/tensor.h"

namespace lmspt {

constexpr int kWinogradOutputs = 4;
constexpr int kWinogradTaps = 4;
constexpr int kWinogradPoints = 7;

LMSPT_INLINE int64_t winograd_groups(int64_t kernel) { return (kernel + kWinogradTaps - 1) / kWinogradTaps; }

// For the points a = 1, -1, 2, -2, 1/2, -1/2: a^j / product over the other points b of (a - b). The last is infinity.
constexpr double kWinogradWeight[kWinogradPoints][kWinogradTaps] = {
    {-2. / 9, -2. / 9, -2. / 9, -2. / 9},
    {2. / 9, -2. / 9, 2. / 9, -2. / 9},
    {1. / 45, 2. / 45, 4. / 45, 8. / 45},
    {-1. / 45, 2. / 45, -4. / 45, 8. / 45},
    {16. / 45, 8. / 45, 4. / 45, 2. / 45},
    {-16. / 45, 8. / 45, -4. / 45, 2. / 45},
    {0, 0, 0, 1},
};

}  // namespace lmspt
