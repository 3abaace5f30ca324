#include "ops/conv1d/infer_items.h"

#include <algorithm>

namespace lmspt {

std::vector<AttrSpec> with_item_attrs(std::vector<AttrSpec> specs) {
  specs.push_back(AttrSpec::integer("frame_rows", 1));
  specs.push_back(AttrSpec::integer("missing", 0));
  return specs;
}

void expect_items(const InferContext& context, int ends) {
  context.expect_dtype(ends, "ends", DType::i32);
  context.expect_rank(ends, "ends", 1);
  context.expect(context.shape(ends)[0] >= 1, "expected ends of at least one item");
  const Shape& x = context.shape(0);
  const int64_t rows = std::max<int64_t>(context.attrs.i("frame_rows"), 1);
  context.expect_attr("frame_rows", 1, kMaxElements);
  context.expect_attr("missing", 0, rows - 1);
  context.expect(x[0] == 1 && x[1] >= rows && x[1] % rows == 0,
                 "expected x (1, T, I) with T a multiple of " + std::to_string(rows) +
                     " rows for items of different lengths, got " + to_string(x));
}

}  // namespace lmspt
