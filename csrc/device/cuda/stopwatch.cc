#include "device/cuda/stopwatch.h"

#include "device/cuda/cuda_device.h"

namespace lmspt::cuda {

Stopwatch::Stopwatch(CudaDevice& device) : device_(device) {
  device_.guard(cudaEventCreateWithFlags(&begin_, cudaEventDefault), "make an event");
  device_.guard(cudaEventCreateWithFlags(&end_, cudaEventDefault), "make an event");
}

Stopwatch::~Stopwatch() {
  if (!device_.is_usable()) return;
  for (cudaEvent_t event : {begin_, end_}) {
    if (event) cudaEventDestroy(event);
  }
}

double Stopwatch::time(cudaStream_t stream, const std::function<void()>& work) {
  device_.guard(cudaEventRecord(begin_, stream), "record an event");
  work();
  device_.guard(cudaEventRecord(end_, stream), "record an event");
  device_.guard(cudaEventSynchronize(end_), "time kernels");
  float milliseconds = 0;
  device_.guard(cudaEventElapsedTime(&milliseconds, begin_, end_), "read the time between events");
  return milliseconds;
}

}  // namespace lmspt::cuda
