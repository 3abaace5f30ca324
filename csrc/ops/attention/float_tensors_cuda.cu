#include "device/cuda/numbers.h"
#include "ops/attention/float_tensors_cuda.h"

namespace lmspt::cuda {

namespace {

// ---- kernels ----

__global__ void copy_numbers_kernel(const Numbers from, const Numbers to, int64_t count) {
  for (int64_t i = first_unit(); i < count; i += unit_step()) {
    float value[1];
    from.load<1>(i, value);
    to.store<1>(i, value);
  }
}

// ---- launchers ----

void copy_numbers(const KernelContext& context, const Tensor& from, const Tensor& to) {
  launch_threads(context, copy_numbers_kernel, from.shape.count(), Numbers(from), Numbers(to), from.shape.count());
}

size_t bytes_of_copy(const Tensor& tensor) {
  return tensor.dtype == DType::bf16 ? static_cast<size_t>(tensor.shape.count()) * sizeof(float) : 0;
}

size_t bytes_of_copies(const KernelContext& context) {
  size_t bytes = 0;
  for (int i = 0; i < context.input_count; ++i) bytes += bytes_of_copy(context.in(i));
  for (int i = 0; i < context.output_count; ++i) bytes += bytes_of_copy(context.out(i));
  return bytes;
}

}  // namespace

FloatTensors::FloatTensors(const KernelContext& context)
    : stored_(context), scratch_(context, bytes_of_copies(context)) {
  auto* place = static_cast<unsigned char*>(scratch_.data());
  const auto copy_of = [&](Tensor tensor) {
    const size_t bytes = bytes_of_copy(tensor);
    if (bytes == 0) return tensor;
    tensor.data = place;
    tensor.dtype = DType::f32;
    place += bytes;
    return tensor;
  };
  for (int i = 0; i < context.input_count; ++i) {
    inputs_[i] = copy_of(context.in(i));
    if (inputs_[i].data != context.in(i).data) copy_numbers(context, context.in(i), inputs_[i]);
  }
  for (int i = 0; i < context.output_count; ++i) outputs_[i] = copy_of(context.out(i));
}

KernelContext FloatTensors::context() {
  KernelContext context = stored_;
  context.inputs = inputs_;
  context.outputs = outputs_;
  return context;
}

void FloatTensors::finish() const {
  for (int i = 0; i < stored_.output_count; ++i) {
    if (outputs_[i].data != stored_.out(i).data) copy_numbers(stored_, outputs_[i], stored_.out(i));
  }
}

}  // namespace lmspt::cuda
