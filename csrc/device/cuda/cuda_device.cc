#include "device/cuda/cuda_device.h"

#include <atomic>
#include <cstdio>
#include <string>

#include "device/cuda/kernels.h"
#include "device/cuda/status.h"
#include "device/error.h"
#include "gemm/cuda/product.h"

namespace lmspt::cuda {

namespace {

constexpr uint64_t kFirstId = uint64_t{1} << 32;  // apart from the ids that the core gives to its own devices

class CudaDevice final : public Device {
 public:
  explicit CudaDevice(int index) : index_(index), description_(describe_device(index)) {
    static std::atomic<uint64_t> next{kFirstId};
    id_ = next++;
    read_tile_setting();
  }

  ~CudaDevice() override {
    if (!stream_ || cudaSetDevice(index_) != cudaSuccess) return;
    cudaStreamSynchronize(stream_);
    cudaFree(arena_);
    cudaStreamDestroy(stream_);
  }

  const char* kind() const override { return "cuda"; }
  const char* description() const override { return description_.c_str(); }
  uint64_t id() const override { return id_; }
  Kernel kernel(const char* op) const override { return find_kernel(op); }
  bool is_host() const override { return false; }

  Precision arithmetic(Precision asked) const override { return asked; }
  const char* arithmetic_description(Precision asked) const override {
    switch (asked) {
      case Precision::bf16x3: return "three bf16 products on tensor cores, float32 sums";
      case Precision::tf32: return "tf32 on tensor cores, float32 sums";
      case Precision::bf16: return "bf16 on tensor cores, float32 sums";
      default: return "float32";
    }
  }

  void* allocate(size_t bytes) override {
    enter();
    void* memory = nullptr;
    const cudaError_t status = cudaMalloc(&memory, bytes);
    if (status == cudaErrorMemoryAllocation) fail_for_memory(bytes);
    guard(status, "allocate " + std::to_string(bytes) + " bytes");
    return memory;
  }

  // Called by destructors: what a lost device held is gone with it, and a failure shows at the next call.
  void release(void* memory) override {
    if (cudaSetDevice(index_) == cudaSuccess) cudaFree(memory);
  }

  void upload(void* device, const void* host, size_t bytes) override {
    copy(device, host, bytes, cudaMemcpyHostToDevice);
  }
  void download(void* host, const void* device, size_t bytes) override {
    copy(host, device, bytes, cudaMemcpyDeviceToHost);
  }

  void* arena(size_t bytes) override {
    enter();
    guard(cudaStreamQuery(stream_), "go on after the work before");
    if (bytes > arena_bytes_) {
      guard(cudaStreamSynchronize(stream_), "finish the work before");
      guard(cudaFree(arena_), "free the arena");
      arena_ = nullptr;
      arena_bytes_ = 0;
      arena_ = allocate(bytes);
      arena_bytes_ = bytes;
    }
    return arena_;
  }

  KernelContext context() override {
    enter();
    KernelContext context{};
    context.stream = stream_;
    return context;
  }

 private:
  // Makes this device the calling thread's, and its stream at the first use.
  void enter() {
    if (!lost_.empty()) throw Error(ErrorCode::device, lost_);
    guard(cudaSetDevice(index_), "use the device " + std::to_string(index_));
    if (!stream_) guard(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
  }

  // Host memory may be reused when this returns.
  void copy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
    enter();
    const std::string action = "copy " + std::to_string(bytes) + " bytes";
    guard(cudaMemcpyAsync(target, source, bytes, kind, stream_), action);
    guard(cudaStreamSynchronize(stream_), action);
  }

  // Like check, but an error that CUDA goes on reporting, as after a fault in a kernel, marks the device as lost.
  void guard(cudaError_t status, const std::string& action) {
    if (status == cudaSuccess || status == cudaErrorNotReady) return;
    cudaGetLastError();
    const cudaError_t still = cudaDeviceSynchronize();
    if (still == cudaSuccess) check(status, action);
    lost_ = "The CUDA device " + std::to_string(index_) + " (" + description_ + ") is lost: " + error_text(still) +
            ". Start the process again, or use the device \"cpu\"";
    throw Error(ErrorCode::device, lost_);
  }

  int index_;
  std::string description_;
  uint64_t id_;
  cudaStream_t stream_ = nullptr;
  void* arena_ = nullptr;
  size_t arena_bytes_ = 0;
  std::string lost_;  // why, once it is
};

}  // namespace

std::string describe_device(int index) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "describe the device " + std::to_string(index));
  char text[384];
  std::snprintf(text, sizeof text, "%s, compute capability %d.%d, %.1f GiB", properties.name, properties.major,
                properties.minor, static_cast<double>(properties.totalGlobalMem) / (1 << 30));
  return text;
}

std::unique_ptr<Device> make_cuda_device(int index) { return std::make_unique<CudaDevice>(index); }

}  // namespace lmspt::cuda
