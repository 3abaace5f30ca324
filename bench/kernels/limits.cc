// What this GPU and this engine do at best: a large copy, and a large matrix product in every precision.
#include "case.h"

namespace lmspt::lab {

void add_limits(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t count = sizes(int64_t{1} << 28, 4096);
  const auto copy = [=](Recorder& r) { r.want(r.one("neg", {r.changing({count})})); };
  cases.push_back({"limits", "copy", Precision::fp32, {"neg"}, copy, {0, 2 * 4 * count}});
  const int64_t size = sizes(8192, 64);
  for (Precision precision : kAllPrecisions) {
    const auto product = [=](Recorder& r) { r.want(r.one("linear", {r.made({size, size}), r.weights({size, size})})); };
    const int64_t bytes = 2 * size * size * stored_bytes(precision) + packed_bytes(precision, 1, size, size);
    cases.push_back(
        {"limits", "product", precision, {"linear"}, product, product_work(size, size, size, bytes), all_tiles()});
  }
}

}  // namespace lmspt::lab
