// fused_quantizer(x, stages): the codes of a residual quantizer, one output (...) of type i32 for each stage, of
// latents x (..., L). A stage has w_in (8, L, 1), b_in (8), codebook (N, 8), and all but the last one codebook (N, 8)
// once more, w_out (L, 8, 1), b_out (L) and perhaps base (..., L). It equals the composition
//   code = codebook_search(conv1d(x, w_in, b_in), codebook)
//   x    = (base, or x) - conv1d(codebook_lookup(code, codebook), w_out, b_out)    which the next stage reads
// in float32, to the bit. Plans record it in place of that; see graph/fuse_quantizer.h.
#include "ops/quantizer/quantizer.h"

#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

// A stage whose residual the next one reads, or the last one.
void expect_stage(const InferContext& context, int stage, bool is_last) {
  const auto at = [&](StageInput input) { return stage_input(stage, input); };
  const Shape& x = context.shape(0);
  const int64_t latent = x[-1];
  context.expect_shape(at(kWIn), "w_in", make_shape({kFeatures, latent, 1}));
  context.expect_shape(at(kBIn), "b_in", make_shape({kFeatures}));
  context.expect_rank(at(kPanels), "codebook", 2);
  const Shape& codebook = context.shape(at(kPanels));
  context.expect(codebook[0] >= 1 && codebook[1] == kFeatures,
                 "expected a codebook with at least one row of 8 features, got " + to_string(codebook));
  if (is_last) return;
  context.expect_shape(at(kCodebook), "codebook", codebook);
  context.expect_shape(at(kWOut), "w_out", make_shape({latent, kFeatures, 1}));
  context.expect_shape(at(kBOut), "b_out", make_shape({latent}));
  if (context.has(at(kBase))) context.expect_shape(at(kBase), "base", x);
}

void infer(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  const Shape& x = context.shape(0);
  context.expect(x.rank >= 1 && x[-1] >= 4 && x[-1] % 4 == 0 && x[-1] <= kMostLatent,
                 "expected x with a multiple of 4 channels, at most 4096, got " + to_string(x));
  const int inputs = static_cast<int>(context.inputs.size());
  const int stages = (inputs - 1 + kStageInputs - 1) / kStageInputs;
  const bool whole = inputs == 1 + (stages - 1) * kStageInputs + kCodebook;
  context.expect(whole, "expected the inputs of whole stages, got " + std::to_string(inputs));
  Shape codes = x;
  --codes.rank;
  for (int stage = 0; stage < stages; ++stage) {
    expect_stage(context, stage, stage == stages - 1);
    context.output(codes, DType::i32);
  }
}

AttrArgs as_it_is(const Attrs&, const std::vector<Tensor>&) { return {}; }

}  // namespace

void register_quantizer(Registry& registry) {
  OpDef op{"fused_quantizer", 1 + kCodebook, 1 + kMostStages * kStageInputs, {}, infer, nullptr, "codes are integers"};
  for (int stage = 0; stage < kMostStages; ++stage) {
    op.packing.push_back({stage_input(stage, kWIn), "pack_conv1d", as_it_is});
    op.packing.push_back({stage_input(stage, kPanels), "pack_codebook", as_it_is});
    op.packing.push_back({stage_input(stage, kWOut), "pack_conv1d", as_it_is});
  }
  registry.add(op);
}

}  // namespace lmspt
