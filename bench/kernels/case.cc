#include "case.h"

namespace lmspt::lab {

namespace {

int64_t rounded_up(int64_t number, int64_t step) { return (number + step - 1) / step * step; }

}  // namespace

int64_t packed_bytes(Precision precision, int64_t taps, int64_t channels, int64_t columns) {
  const int64_t all = taps * rounded_up(columns, 16);
  if (precision == Precision::bf16) return all * rounded_up(channels, 2) * 2;
  if (precision == Precision::bf16x3) return all * rounded_up(channels, 2) * 4;
  return all * channels * 4;
}

Work product_work(int64_t rows, int64_t terms, int64_t columns, int64_t bytes) {
  const auto count = [=] {
    int64_t flops = 0;
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t column = 0; column < columns; ++column) {
        for (int64_t term = 0; term < terms; ++term) flops += 2;
      }
    }
    return flops;
  };
  return {2 * rows * terms * columns, bytes, count};
}

std::vector<Variant> all_tiles() {
  std::vector<Variant> variants = {{"rule", {{"LMSPT_CUDA_TUNE", "0"}}}};
  for (const char* tile : {"large", "tall", "small", "narrow"}) variants.push_back({tile, {{"LMSPT_CUDA_TILE", tile}}});
  return variants;
}

Variant without_wgmma() { return {"without wgmma", {{"LMSPT_CUDA_WGMMA", "0"}}}; }

std::vector<Variant> engines_for(Precision precision, int64_t channels) {
  std::vector<Variant> variants;
  if (precision == Precision::bf16) variants = all_tiles();
  if (precision != Precision::fp32 && channels >= kLeastOfWgmma) variants.push_back(without_wgmma());
  return variants;
}

}  // namespace lmspt::lab
