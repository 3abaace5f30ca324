// The attribute "precision" of the ops that multiply matrices, and of those that pack their weights.
#pragma once

#include "device/precision.h"
#include "graph/op.h"

namespace lmspt {

inline AttrSpec precision_attr() { return AttrSpec::integer("precision", 0); }

inline void expect_precision(const InferContext& context) { context.expect_attr("precision", 0, kPrecisions - 1); }

inline bool is_bf16(Precision precision) { return precision == Precision::bf16 || precision == Precision::bf16x3; }

// Float32 weights are packed in one way, whoever asked for them.
inline AttrArg packed_precision(const Attrs& attrs) {
  return {"precision", precision_of(attrs) == Precision::fp32 ? 0 : attrs.i("precision")};
}

}  // namespace lmspt
