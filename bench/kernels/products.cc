// Linear layers of Whisper large-v3 and of a language model of Qwen2.5-0.5B's size, and the products of their
// gradients.
#include "case.h"

namespace lmspt::lab {

namespace {

struct Sides {
  int64_t rows, terms, columns;
};

Case linear(const std::string& name, Precision precision, const Sides& s) {
  const auto record = [=](Recorder& r) {
    r.want(r.one("linear", {r.made({s.rows, s.terms}), r.weights({s.columns, s.terms}), r.weights({s.columns})}));
  };
  const int64_t bytes = (s.rows * s.terms + s.rows * s.columns) * stored_bytes(precision) +
                        packed_bytes(precision, 1, s.terms, s.columns) + 4 * s.columns;
  return {"linear",
          name,
          precision,
          {"linear"},
          record,
          product_work(s.rows, s.terms, s.columns, bytes),
          engines_for(precision, s.terms)};
}

// Gradient of weights (columns, terms): both operands run along the rows.
Case weight_gradient(const std::string& name, Precision precision, const Sides& s) {
  const auto record = [=](Recorder& r) {
    r.want(r.one("matmul", {r.changing({s.rows, s.columns}), r.changing({s.rows, s.terms})}, {{"transpose_a", true}}));
  };
  const int64_t bytes = 4 * s.columns * (s.rows + s.terms) + packed_bytes(precision, 1, s.rows, s.terms);
  return {"weight gradient",
          name,
          precision,
          {"matmul"},
          record,
          product_work(s.columns, s.rows, s.terms, bytes),
          engines_for(precision, s.rows)};
}

// A matrix of its own for each of `items`.
Case of_items(const std::string& name, Precision precision, int64_t items, const Sides& s) {
  const auto record = [=](Recorder& r) {
    r.want(r.one("matmul", {r.changing({items, s.rows, s.terms}), r.changing({items, s.terms, s.columns})}));
  };
  const int64_t bytes = items * (4 * s.rows * (s.terms + s.columns) + packed_bytes(precision, 1, s.terms, s.columns));
  return {"matmul",
          name,
          precision,
          {"matmul"},
          record,
          product_work(items * s.rows, s.terms, s.columns, bytes),
          engines_for(precision, s.terms)};
}

}  // namespace

void add_products(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t frames = sizes(8 * 1500, 40), tokens = sizes(8 * 1024, 24);
  const int64_t width = sizes(1280, 64), inner = sizes(5120, 96), narrow = sizes(896, 48), wide = sizes(4864, 80);
  for (Precision precision : kAllPrecisions) {
    const auto add = [&](const char* name, const Sides& s) { cases.push_back(linear(name, precision, s)); };
    add("Whisper, 1280 to 1280", {frames, width, width});
    add("Whisper, 1280 to 5120", {frames, width, inner});
    add("Whisper, 5120 to 1280", {frames, inner, width});
    add("language model, 896 to 4864", {tokens, narrow, wide});
    add("language model, 4864 to 896", {tokens, wide, narrow});
    add("language model, 896 to 151936", {sizes(1024, 24), narrow, sizes(151936, 112)});
    add("language model, one token, 896 to 4864", {1, narrow, wide});
    const auto add_gradient = [&](const char* name, const Sides& s) {
      cases.push_back(weight_gradient(name, precision, s));
    };
    add_gradient("Whisper, 1280 to 5120", {frames, width, inner});
    add_gradient("language model, 896 to 4864", {tokens, narrow, wide});
    cases.push_back(of_items("8 of 1500 x 1280 x 1280", precision, sizes(8, 2), {sizes(1500, 20), width, width}));
  }
}

}  // namespace lmspt::lab
