// Chooses among ways that give the same result, down to the bit, by trying them where a plan runs for the first time.
// What it found is kept with the device, and in a file for later processes (tuning_file.h). LMSPT_CUDA_TUNE=0 switches
// it off.
#pragma once

#include <functional>
#include <vector>

#include "device/cuda/tuning_file.h"
#include "device/kernel.h"

namespace lmspt::cuda {

class CudaDevice;

class Tuner {
 public:
  // Reads the environment; the file is read when it is first needed. `fixed` is chosen always, where it is not -1.
  Tuner(CudaDevice& device, int index, int fixed);

  // One of `candidates`, the first of which is taken where nothing may be tried: while a graph is captured, where
  // tuning is off, or where it has taken long enough. `run` enqueues the work in one of these ways; it may do so many
  // times.
  int choose(const KernelContext& context, const TuningKey& key, const std::vector<int>& candidates,
             const std::function<void(int)>& run);

  void save();  // what was found since it was last called

 private:
  void load();
  int try_all(const KernelContext& context, const std::vector<int>& candidates, const std::function<void(int)>& run);

  CudaDevice& device_;
  int index_, fixed_;
  bool on_;
  std::string folder_;
  bool loaded_ = false;
  TuningFile file_{"", ""};
  Tuning known_, found_;
  double spent_ = 0;  // milliseconds
};

}  // namespace lmspt::cuda
