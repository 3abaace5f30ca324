// Attention of Whisper's encoder (1500 x 64 x 20 heads) and of a language model, forward and backward. In bf16 the
// kernels for all GPUs stand beside those for compute capability 9.0.
#include "case.h"

namespace lmspt::lab {

namespace {

constexpr int64_t kForwardProducts = 2, kBackwardProducts = 5;

struct Heads {
  std::string name;
  int64_t batch, queries, keys, heads, key_heads, size;
  bool causal;

  int64_t of_queries() const { return batch * queries * heads * size; }
  int64_t of_keys() const { return batch * keys * key_heads * size; }
  int64_t pairs() const { return causal ? queries * (queries + 1) / 2 + queries * (keys - queries) : queries * keys; }
};

// `values`: how many are read and written.
Work work(const Heads& h, Precision precision, int64_t products, int64_t values) {
  const auto count = [=] {
    int64_t flops = 0;
    for (int64_t head = 0; head < h.batch * h.heads; ++head) {
      for (int64_t query = 0; query < h.queries; ++query) {
        const int64_t seen = h.causal ? h.keys - h.queries + query + 1 : h.keys;
        for (int64_t key = 0; key < seen; ++key) flops += 2 * h.size * products;
      }
    }
    return flops;
  };
  return {2 * products * h.batch * h.heads * h.pairs() * h.size, values * stored_bytes(precision), count, 4 * values};
}

std::vector<Variant> variants_in(Precision precision) {
  if (precision != Precision::bf16) return {};
  return {{"without warp groups", {{"LMSPT_CUDA_WGMMA", "0"}}, false},
          {"stored as float32", {{"LMSPT_BF16_STORAGE", "0"}}, false}};
}

void add_heads(std::vector<Case>& cases, Precision precision, const Heads& h, bool with_gradient) {
  const auto queries = [=](Recorder& r) { return r.made({h.batch, h.queries, h.heads, h.size}); };
  const auto keys = [=](Recorder& r) { return r.made({h.batch, h.keys, h.key_heads, h.size}); };
  const auto forward = [=](Recorder& r) {
    r.want(r.one("attention", {queries(r), keys(r), keys(r)}, {{"causal", h.causal}}));
  };
  cases.push_back({"attention",
                   h.name,
                   precision,
                   {"attention"},
                   forward,
                   work(h, precision, kForwardProducts, 2 * h.of_queries() + 2 * h.of_keys()),
                   variants_in(precision)});
  if (!with_gradient) return;
  const auto backward = [=](Recorder& r) {
    const ValueId q = queries(r), k = keys(r), v = keys(r);
    const ValueId y = r.one("attention", {q, k, v}, {{"causal", h.causal}});
    for (ValueId gradient : r.apply("attention_grad", {q, k, v, y, queries(r)}, {{"causal", h.causal}})) {
      r.want(gradient);
    }
  };
  cases.push_back({"attention gradient",
                   h.name,
                   precision,
                   {"attention_grad"},
                   backward,
                   work(h, precision, kBackwardProducts, 4 * h.of_queries() + 4 * h.of_keys()),
                   variants_in(precision)});
}

}  // namespace

void add_attention(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t batch = sizes(8, 1), size = sizes(64, 16);
  for (Precision precision : kAllPrecisions) {
    const int64_t frames = sizes(1500, 40), tokens = sizes(1024, 40);
    const int64_t many = sizes(20, 2), some = sizes(14, 4);
    add_heads(cases, precision, {"Whisper, 1500 x 64 x 20 heads", batch, frames, frames, many, many, size, false},
              true);
    add_heads(cases, precision,
              {"language model, 1024 x 64 x 14 heads, causal", batch, tokens, tokens, some, 2, size, true}, true);
    add_heads(cases, precision, {"language model, one token, 1024 keys", batch, 1, tokens, some, 2, size, false},
              false);
  }
  for (const int64_t tokens : {2048, 4096, 8192}) {
    const std::string name = "language model, " + std::to_string(tokens) + " x 64 x 14 heads, causal";
    const int64_t length = sizes(tokens, tokens / 40);
    add_heads(cases, Precision::bf16, {name, sizes(16384 / tokens, 1), length, length, sizes(14, 4), 2, size, true},
              true);
  }
}

}  // namespace lmspt::lab
