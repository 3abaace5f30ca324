// What goes over rows: norms, softmax, rotary positions, the search for codes.
#include "case.h"

namespace lmspt::lab {

namespace {

Case search(const std::string& name, int64_t rows, int64_t codes, int64_t size) {
  const auto record = [=](Recorder& r) {
    r.want(r.one("codebook_search", {r.changing({rows, size}), r.weights({codes, size})}));
  };
  const int64_t bytes = 4 * (rows * size + rows) + packed_bytes(Precision::fp32, 1, size, codes);
  return {"codebook", name, Precision::fp32, {"codebook_search"}, record, product_work(rows, size, codes, bytes)};
}

}  // namespace

void add_rows(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t frames = sizes(8 * 1500, 30), width = sizes(1280, 96), tokens = sizes(8 * 1024, 20);
  const int64_t narrow = sizes(896, 48);
  const auto add = [&](const std::string& family, const char* op, const std::string& name, int64_t bytes, auto record) {
    cases.push_back({family, std::string(op) + name, Precision::fp32, {op}, record, {0, bytes}});
  };
  const int64_t values = frames * width;
  add("norm", "layer_norm", ", 12000 x 1280", 4 * (2 * values + 2 * width), [=](Recorder& r) {
    r.want(r.one("layer_norm", {r.changing({frames, width}), r.weights({width}), r.weights({width})}));
  });
  add("norm", "layer_norm_grad", ", 12000 x 1280", 4 * (3 * values + 3 * width), [=](Recorder& r) {
    const std::vector<ValueId> inputs = {r.changing({frames, width}), r.weights({width}), r.changing({frames, width})};
    for (ValueId gradient : r.apply("layer_norm_grad", inputs)) r.want(gradient);
  });
  add("norm", "rms_norm", ", 8192 x 896", 4 * (2 * tokens * narrow + narrow),
      [=](Recorder& r) { r.want(r.one("rms_norm", {r.changing({tokens, narrow}), r.weights({narrow})})); });
  add("norm", "rms_norm_grad", ", 8192 x 896", 4 * (3 * tokens * narrow + 2 * narrow), [=](Recorder& r) {
    const std::vector<ValueId> inputs = {r.changing({tokens, narrow}), r.weights({narrow}),
                                         r.changing({tokens, narrow})};
    for (ValueId gradient : r.apply("rms_norm_grad", inputs)) r.want(gradient);
  });
  const int64_t classes = sizes(51866, 300), rows = sizes(1024, 8);
  add("norm", "softmax", ", 1024 x 51866", 4 * 2 * rows * classes,
      [=](Recorder& r) { r.want(r.one("softmax", {r.changing({rows, classes})})); });
  const int64_t heads = sizes(14, 2), size = sizes(64, 16);
  add("rotary", "rotary", ", 8192 x 14 x 64", 4 * 2 * tokens * heads * size,
      [=](Recorder& r) { r.want(r.one("rotary", {r.changing({1, tokens, heads, size})})); });
  const int64_t codes = sizes(4000, 30);
  cases.push_back(search("search, 4000 of 16384", codes, sizes(16384, 64), 8));
  cases.push_back(search("search, 4000 of 4096", codes, sizes(4096, 32), 8));
  const int64_t found = sizes(4096, 32);
  const int64_t bytes = 4 * (codes + found * 8 + codes * 8);
  add("codebook", "codebook_lookup", ", 4000 of 4096", bytes, [=](Recorder& r) {
    r.want(r.one("codebook_lookup", {r.integers({codes}, 0, static_cast<int>(found)), r.changing({found, 8})}));
  });
  add("codebook", "l2_normalize", ", 16384 x 8", 4 * 2 * 8 * sizes(16384, 64),
      [n = sizes(16384, 64)](Recorder& r) { r.want(r.one("l2_normalize", {r.changing({n, 8})})); });
}

}  // namespace lmspt::lab
