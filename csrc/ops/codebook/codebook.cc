// The factorised codebook (LM-SPT's quantizers; Yu et al. 2022, Kumar et al. 2023).
// codebook_search(z, codebook): for each row of z (..., D) the index of the row of codebook (N, D) that is nearest
// after
//   both are divided by max(norm, 1e-12); the lowest index wins a tie. Codes (...), type i32.
// codebook_lookup(codes, codebook): the rows as they are, (..., D). Codes outside [0, N) give zeros.
// l2_normalize(x): x / max(norm of the last dimension, 1e-12).
#include "gemm/panel.h"
#include "graph/graph.h"
#include "graph/registry.h"

namespace lmspt {

namespace {

constexpr int64_t kMostCodes = int64_t{1} << 28;

// ---- codebook_search ----

void infer_search(InferContext& context) {
  context.expect_dtype(0, "z", DType::f32);
  context.expect_rank(1, "codebook", 2);
  const Shape &z = context.shape(0), &codebook = context.shape(1);
  context.expect(z.rank >= 1 && z[-1] == codebook[1],
                 "expected z with " + std::to_string(codebook[1]) + " features, got " + to_string(z));
  context.expect(codebook[0] >= 1 && codebook[0] <= kMostCodes,
                 "expected a codebook with at least one row and at most 2^28, got " + std::to_string(codebook[0]));
  Shape codes = z;
  --codes.rank;
  context.output(codes, DType::i32);
}

// (N, D) -> (panels of N, D, 16), rows normalised
void infer_pack(InferContext& context) {
  context.expect_rank(0, "codebook", 2);
  const Shape& codebook = context.shape(0);
  context.expect(codebook[0] >= 1, "expected a codebook with at least one row");
  context.output(make_shape({panel_count(codebook[0]), codebook[1], kPanelWidth}));
}

// ---- codebook_lookup ----

void infer_lookup(InferContext& context) {
  context.expect_dtype(0, "codes", DType::i32);
  context.expect_rank(1, "codebook", 2);
  Shape out = context.shape(0);
  context.expect(out.rank < kMaxRank, "expected codes of at most 5 dimensions");
  out.dims[out.rank++] = context.shape(1)[1];
  context.output(out);
}

void gradient_lookup(GradContext& context) {
  if (context.needs(1)) {
    context.input_grads[1] = context.call("codebook_lookup_grad", {context.in(0), context.output_grads[0]},
                                          {{"size", context.in_shape(1)[0]}});
  }
}

void infer_lookup_grad(InferContext& context) {
  context.expect_dtype(0, "codes", DType::i32);
  context.expect_attr("size", 0, kMaxElements);
  const Shape &codes = context.shape(0), &gy = context.shape(1);
  context.expect(gy.rank == codes.rank + 1 && gy.count_before(gy.rank - 1) == codes.count(),
                 "expected one gradient row per code, got " + to_string(codes) + " and " + to_string(gy));
  context.output(make_shape({context.attrs.i("size"), gy[-1]}));
}

// ---- l2_normalize ----

void infer_normalize(InferContext& context) {
  context.expect_dtype(0, "x", DType::f32);
  context.expect(context.shape(0).rank >= 1, "expected x of at least one dimension");
  context.output(context.shape(0));
}

void gradient_normalize(GradContext& context) {
  context.input_grads[0] = context.call("l2_normalize_grad", {context.in(0), context.output_grads[0]});
}

void infer_normalize_grad(InferContext& context) {
  context.expect_shape(1, "gy", context.shape(0));
  context.output(context.shape(0));
}

}  // namespace

void register_codebook(Registry& registry) {
  OpDef search{"codebook_search", 2, 2, {}, infer_search, nullptr, "codes are integers"};
  search.packing = {{1, "pack_codebook", [](const Attrs&, const std::vector<Tensor>&) { return AttrArgs{}; }}};
  registry.add(search);
  registry.add({"pack_codebook", 1, 1, {}, infer_pack, nullptr, "a layout of weights"});
  OpDef lookup{"codebook_lookup", 2, 2, {}, infer_lookup, gradient_lookup};
  OpDef lookup_grad{"codebook_lookup_grad", 2, 2, {AttrSpec::required_integer("size")}, infer_lookup_grad, nullptr,
                    "itself a gradient"};
  lookup.integer_inputs = lookup_grad.integer_inputs = {0};  // the codes
  registry.add(lookup);
  registry.add(lookup_grad);
  registry.add({"l2_normalize", 1, 1, {}, infer_normalize, gradient_normalize});
  registry.add({"l2_normalize_grad", 2, 2, {}, infer_normalize_grad, nullptr, "itself a gradient"});
}

}  // namespace lmspt
