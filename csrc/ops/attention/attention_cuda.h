// The kernels of attention by precision, one file each; attention_cuda.cu chooses among them.
#pragma once

#include "device/kernel.h"
#include "ops/attention/attention.h"

namespace lmspt::cuda {

constexpr int64_t kMostFloatFeatures = 256;   // of a head that the tiled kernels take in float32
constexpr int64_t kMostTensorFeatures = 128;  // and on tensor cores

void attention_float32(const KernelContext& context, const AttentionGeometry& geometry);
void attention_tf32(const KernelContext& context, const AttentionGeometry& geometry);
void attention_bf16(const KernelContext& context, const AttentionGeometry& geometry);
void attention_bf16x3(const KernelContext& context, const AttentionGeometry& geometry);

void attention_grad_float32(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_tf32(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_bf16(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_bf16x3(const KernelContext& context, const AttentionGeometry& geometry);

// For larger heads: right, and not fast.
void attention_of_any_size(const KernelContext& context, const AttentionGeometry& geometry);
void attention_grad_of_any_size(const KernelContext& context, const AttentionGeometry& geometry);

}  // namespace lmspt::cuda
