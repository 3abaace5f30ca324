// Times work on a stream by events.
#pragma once

#include <cuda_runtime_api.h>

#include <functional>

namespace lmspt::cuda {

class CudaDevice;

class Stopwatch {
 public:
  explicit Stopwatch(CudaDevice& device);
  ~Stopwatch();
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;

  // Milliseconds from the beginning of what `work` enqueues to its end, for which it waits.
  double time(cudaStream_t stream, const std::function<void()>& work);

 private:
  CudaDevice& device_;
  cudaEvent_t begin_ = nullptr, end_ = nullptr;
};

}  // namespace lmspt::cuda
