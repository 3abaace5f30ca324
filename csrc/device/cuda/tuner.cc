#include "device/cuda/tuner.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "device/cuda/cuda_device.h"
#include "device/setting.h"

namespace lmspt::cuda {

namespace {

constexpr double kMostMilliseconds = 500;  // of trying, by a device in all
constexpr int kTimes = 3;
constexpr double kHopeless = 1.5;  // so many times the best, a way is not timed again

cudaStream_t stream_of(const KernelContext& context) { return static_cast<cudaStream_t>(context.stream); }

// Emulated times tell nothing, so that there it has to be switched on.
bool is_on() {
#if defined(LMSPT_CUDA_EMULATED)
  const char* setting = std::getenv("LMSPT_CUDA_TUNE");
  return setting && std::strcmp(setting, "1") == 0;
#else
  return !is_switched_off("LMSPT_CUDA_TUNE");
#endif
}

// Changes whenever the library is built or installed anew.
std::string library_mark() {
  Dl_info info;
  struct stat status;
  if (dladdr(reinterpret_cast<const void*>(&library_mark), &info) == 0 || stat(info.dli_fname, &status) != 0)
    return "?";
  return std::to_string(status.st_size) + "-" + std::to_string(status.st_mtime);
}

std::string file_name(const std::string& device) {
  std::string name = "cuda-tiles-";
  for (char c : device) name += std::isalnum(static_cast<unsigned char>(c)) || c == '.' ? c : '-';
  return name + ".txt";
}

}  // namespace

Tuner::Tuner(CudaDevice& device, int index, int fixed)
    : device_(device), index_(index), fixed_(fixed), on_(is_on()), folder_(cache_folder()) {}

void Tuner::load() {
  loaded_ = true;
  if (folder_.empty()) return;
  cudaDeviceProp properties;
  int driver = 0, runtime = 0;
  device_.guard(cudaGetDeviceProperties(&properties, index_), "describe the device");
  device_.guard(cudaDriverGetVersion(&driver), "ask for the driver's version");
  device_.guard(cudaRuntimeGetVersion(&runtime), "ask for its own version");
  const std::string device =
      std::string(properties.name) + " " + std::to_string(properties.major) + "." + std::to_string(properties.minor);
  file_ = TuningFile(folder_ + "/" + file_name(device), device + "; driver " + std::to_string(driver) + "; runtime " +
                                                            std::to_string(runtime) + "; library " + library_mark());
  known_ = file_.read();
}

int Tuner::choose(const KernelContext& context, const TuningKey& key, const std::vector<int>& candidates,
                  const std::function<void(int)>& run) {
  if (fixed_ >= 0) return fixed_;
  const int usual = candidates.front();
  if (!on_ || candidates.size() == 1) return usual;
  if (!loaded_) load();
  const auto known = known_.find(key);
  if (known != known_.end()) {
    const bool is_one = std::find(candidates.begin(), candidates.end(), known->second) != candidates.end();
    return is_one ? known->second : usual;
  }
  cudaStreamCaptureStatus capture = cudaStreamCaptureStatusNone;
  device_.guard(cudaStreamIsCapturing(stream_of(context), &capture), "ask whether a graph is captured");
  if (capture != cudaStreamCaptureStatusNone || spent_ >= kMostMilliseconds) return usual;
  const int best = try_all(context, candidates, run);
  known_[key] = found_[key] = best;
  return best;
}

int Tuner::try_all(const KernelContext& context, const std::vector<int>& candidates,
                   const std::function<void(int)>& run) {
  device_.wait_for_sessions();  // whose work would be in the way
  const auto time = [&](int candidate) {
    const double milliseconds = device_.stopwatch().time(stream_of(context), [&] { run(candidate); });
    spent_ += milliseconds;
    return milliseconds;
  };
  int best = candidates.front();
  double shortest = std::numeric_limits<double>::infinity();
  for (int candidate : candidates) {
    time(candidate);  // loads the kernel
    double milliseconds = time(candidate);
    for (int again = 1; again < kTimes && milliseconds < kHopeless * shortest; ++again) {
      milliseconds = std::min(milliseconds, time(candidate));
    }
    if (milliseconds < shortest) {
      shortest = milliseconds;
      best = candidate;
    }
  }
  return best;
}

void Tuner::save() {
  if (found_.empty()) return;
  file_.add(found_);
  found_.clear();
}

}  // namespace lmspt::cuda
