// The quantizers of an encoder, one semantic and seven acoustic ones, in one kernel and as the ops it is made of.
#include "case.h"

namespace lmspt::lab {

namespace {

constexpr int64_t kFeatures = 8;  // of a code
constexpr int64_t kAcoustic = 7;  // stages

struct Codebooks {
  int64_t frames, latent, semantic, acoustic;  // codes of a semantic one, of an acoustic one

  std::vector<int64_t> sizes() const {
    std::vector<int64_t> all(1 + kAcoustic, acoustic);
    all[0] = semantic;
    return all;
  }
};

// The codes of x, and what they leave of `base`; of the last stage, codes alone.
ValueId quantize(Recorder& r, const Codebooks& c, int64_t codes, ValueId x, ValueId base, bool is_last) {
  const ValueId projected = r.one("conv1d", {x, r.weights({kFeatures, c.latent, 1}), r.weights({kFeatures})});
  const ValueId codebook = r.weights({codes, kFeatures}), code = r.one("codebook_search", {projected, codebook});
  r.want(code);
  if (is_last) return code;
  const ValueId row = r.one("codebook_lookup", {code, codebook});
  return r.one("sub", {base, r.one("conv1d", {row, r.weights({c.latent, kFeatures, 1}), r.weights({c.latent})})});
}

Work work(const Codebooks& c) {
  const std::vector<int64_t> stages = c.sizes();
  const auto count = [=] {
    int64_t flops = 0;
    for (int64_t frame = 0; frame < c.frames; ++frame) {
      for (size_t stage = 0; stage < stages.size(); ++stage) {
        for (int64_t feature = 0; feature < kFeatures; ++feature) {
          for (int64_t channel = 0; channel < c.latent; ++channel) flops += stage + 1 < stages.size() ? 4 : 2;
          for (int64_t code = 0; code < stages[stage]; ++code) flops += 2;
        }
      }
    }
    return flops;
  };
  const int64_t last = kAcoustic, all = last + 1;
  const int64_t codes = c.semantic + kAcoustic * c.acoustic;
  const int64_t flops = 2 * c.frames * kFeatures * ((all + last) * c.latent + codes);
  int64_t bytes = 4 * c.frames * (2 * c.latent + all);  // both latents, codes
  for (size_t stage = 0; stage < stages.size(); ++stage) {
    bytes += packed_bytes(Precision::fp32, 1, c.latent, kFeatures) + 4 * kFeatures;
    bytes += packed_bytes(Precision::fp32, 1, kFeatures, stages[stage]);
    if (stage + 1 == stages.size()) break;
    bytes += 4 * kFeatures * stages[stage] + packed_bytes(Precision::fp32, 1, kFeatures, c.latent) + 4 * c.latent;
  }
  return {flops, bytes, count};
}

void add_frames(std::vector<Case>& cases, const std::string& name, const Codebooks& c) {
  const auto record = [=](Recorder& r) {
    const ValueId acoustic = r.changing({1, c.frames, c.latent});
    ValueId rest = quantize(r, c, c.semantic, r.changing({1, c.frames, c.latent}), acoustic, false);
    for (int64_t stage = 0; stage < kAcoustic; ++stage) {
      rest = quantize(r, c, c.acoustic, rest, rest, stage + 1 == kAcoustic);
    }
  };
  cases.push_back({"quantizer",
                   name,
                   Precision::fp32,
                   {"fused_quantizer", "conv1d", "codebook_search", "codebook_lookup", "sub"},
                   record,
                   work(c),
                   {{"not fused", {{"LMSPT_FUSED_QUANTIZER", "0"}}, false}}});
}

}  // namespace

void add_quantizers(std::vector<Case>& cases, const Sizes& sizes) {
  const int64_t latent = sizes(1024, 20), semantic = sizes(16384, 70), acoustic = sizes(4096, 40);
  add_frames(cases, "32 x 10 s, 4000 frames", {sizes(4000, 30), latent, semantic, acoustic});
  add_frames(cases, "10 s, 125 frames", {sizes(125, 5), latent, semantic, acoustic});
}

}  // namespace lmspt::lab
