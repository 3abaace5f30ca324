// What a plan has of a GPU: a stream, an arena, scratch memory, staging buffers in pinned host memory, and from its
// second run on a graph of its kernels. LMSPT_CUDA_GRAPHS=0 launches them one by one instead.
#pragma once

#include <cuda_runtime_api.h>

#include <array>
#include <functional>
#include <memory>
#include <vector>

#include "device/cuda/workspace.h"
#include "device/device.h"

namespace lmspt::cuda {

class CudaDevice;

class CudaSession final : public Session {
 public:
  explicit CudaSession(CudaDevice& device);
  ~CudaSession() override;

  void* begin(size_t arena_bytes, size_t staging_bytes, bool ordered) override;
  void upload(void* device, const void* host, size_t bytes) override;
  KernelContext context() override;
  void fork() override;
  KernelContext aside() override;
  void join() override;
  void work(const std::function<void()>& steps) override;
  void download(void* host, const void* device, size_t bytes) override;
  void wait() override;
  double time(const std::function<void()>& steps) override;
  void end() override;
  bool is_under_way() const override { return started_ > 0; }
  void finish() override;
  void abandon() override;

  // Waits for what is under way and gives back what the next run can make again. Returns whether there was anything.
  bool give_back_memory();

 private:
  // Host memory of one run, of which several may be under way.
  struct Slot {
    char* memory = nullptr;
    size_t size = 0, used = 0;
    cudaEvent_t done = nullptr;
    struct Download {
      void* target;
      const char* source;
      size_t bytes;
    };
    std::vector<Download> downloads;
  };

  // A second stream for work aside, made when it is asked for.
  struct Aside {
    cudaStream_t stream = nullptr;
    std::unique_ptr<Workspace> workspace;
    cudaEvent_t forked = nullptr, joined = nullptr;
  };

  KernelContext context_of(cudaStream_t stream, Workspace& workspace);
  void close_aside();
  void prepare(Slot& slot, size_t bytes);
  char* stage(size_t bytes);
  void capture(const std::function<void()>& steps);
  void drop_graph();

  CudaDevice& device_;
  cudaStream_t stream_ = nullptr;
  std::unique_ptr<Workspace> workspace_;
  Aside aside_;
  void* arena_ = nullptr;
  size_t arena_bytes_ = 0;
  std::array<Slot, kMostUnderWay> slots_;
  size_t current_ = 0;  // slot of the run that has begun, or of the next one
  size_t started_ = 0;  // runs that have ended and are not finished: the slots before the current one
  bool ordered_ = false;
  int64_t direct_runs_ = 0;  // since memory last moved
  cudaGraphExec_t graph_ = nullptr;
};

}  // namespace lmspt::cuda
