// One GPU as a device: its memory, its errors, what its sessions share.
#pragma once

#include <cuda_runtime_api.h>

#include <atomic>
#include <list>
#include <memory>
#include <string>

#include "device/cuda/stopwatch.h"
#include "device/cuda/tuner.h"
#include "device/cuda/workspace.h"
#include "device/device.h"

namespace lmspt::cuda {

class CudaSession;

class CudaDevice final : public Device {
 public:
  // `index` must be one of the driver's devices. The context is made by the first use, not here, since that takes long.
  explicit CudaDevice(int index);
  ~CudaDevice() override;

  const char* kind() const override { return "cuda"; }
  const char* description() const override { return description_.c_str(); }
  uint64_t id() const override { return id_; }
  Kernel kernel(const char* op) const override;
  Bf16Ports bf16_ports(const char* op, const KernelContext& call) const override;
  bool prepares_input(const char* op, const KernelContext& call) override;
  Precision arithmetic(Precision asked) const override { return asked; }
  const char* arithmetic_description(Precision asked) const override;
  bool is_host() const override { return false; }

  void* allocate(size_t bytes) override;
  void release(void* memory) override;  // from any thread
  void upload(void* device, const void* host, size_t bytes) override;
  void download(void* host, const void* device, size_t bytes) override;
  std::unique_ptr<Session> session() override;
  KernelContext context() override;
  void settle() override;

  // ---- for sessions ----

  const GpuTraits& gpu() const { return gpu_; }
  void enter();  // makes this device the calling thread's; throws where it is lost
  bool is_usable() const;

  // Throws where `status` is an error. One that CUDA goes on reporting, as after a fault in a kernel, loses the device.
  void guard(cudaError_t status, const std::string& action);

  // Calls `attempt`, which returns a status, until it does not fail for memory. In between, sessions that do not run
  // give theirs back, those first that have not run for longest. Throws out_of_memory when there are none left.
  template <class Attempt>
  void with_memory(size_t bytes, const std::string& action, Attempt attempt) {
    cudaError_t status = attempt();
    while (status == cudaErrorMemoryAllocation && free_memory_of_a_session()) status = attempt();
    if (status == cudaErrorMemoryAllocation) fail_for_memory_of_device(bytes);
    guard(status, action);
  }

  void add(CudaSession& session) { sessions_.push_back(&session); }
  void remove(CudaSession& session);
  void set_running(CudaSession* session);  // whose memory must stay

  // Ordered runs, of whatever session, come one after the other.
  void wait_for_ordered(cudaStream_t stream);
  void ordered_ends(cudaStream_t stream);

  void wait_for_sessions();  // for all that they have begun

  Stopwatch& stopwatch();
  Tuner& tuner() { return tuner_; }
  void empty_caches(cudaStream_t stream);  // writes more than the second-level cache holds

 private:
  bool free_memory_of_a_session();
  [[noreturn]] void fail_for_memory_of_device(size_t bytes);
  cudaStream_t stream();
  void copy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind);

  int index_;
  std::string description_;
  GpuTraits gpu_;
  uint64_t id_;
  int generation_;
  std::string lost_;                   // why, once it is
  cudaStream_t own_stream_ = nullptr;  // of work outside of sessions
  std::unique_ptr<Workspace> workspace_;
  cudaEvent_t ordered_ = nullptr;  // the end of the last ordered run
  std::unique_ptr<Stopwatch> stopwatch_;
  Tuner tuner_;
  void* beyond_caches_ = nullptr;
  std::list<CudaSession*> sessions_;  // the one that ran last is the last
  CudaSession* running_ = nullptr;
};

// After a loss, makes the GPU usable again for devices that are opened from now on. Throws where CUDA does not let it.
void revive(int index);

// "NVIDIA H200, compute capability 9.0, 139.8 GiB"
std::string describe_device(int index);

}  // namespace lmspt::cuda
