#include "device/cuda/kernels.h"

#include <map>
#include <string>

namespace lmspt::cuda {

#define LMSPT_OP_FAMILY(family)
#define LMSPT_CUDA_FAMILY(family) void register_##family##_cuda(KernelTable&);
#include "ops/families.def"
#undef LMSPT_CUDA_FAMILY

namespace {

class AllKernels final : public KernelTable {
 public:
  AllKernels() {
#define LMSPT_CUDA_FAMILY(family) register_##family##_cuda(*this);
#include "ops/families.def"
#undef LMSPT_CUDA_FAMILY
  }

  void add(const char* op, Kernel kernel) override { kernels_[op].kernel = kernel; }
  void takes_bf16(const char* op, Bf16Ports ports) override { kernels_[op].bf16 = ports; }
  void takes_bf16_unrounded(const char* op, UnroundedPorts ports) override { kernels_[op].unrounded = ports; }
  void prepares_input(const char* op, Preparing prepares) override { kernels_[op].prepares = prepares; }

  KnownKernel find(const char* op) const {
    const auto found = kernels_.find(op);
    return found == kernels_.end() ? KnownKernel{} : found->second;
  }

 private:
  std::map<std::string, KnownKernel> kernels_;
};

}  // namespace

KnownKernel find_kernel(const char* op) {
  static const AllKernels kernels;
  return kernels.find(op);
}

}  // namespace lmspt::cuda
