#include "device/cuda_library.h"

#include <map>
#include <mutex>

#include "device/error.h"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

namespace lmspt {

namespace {

void* open_library(const std::string& path, std::string& reason) {
#if defined(_WIN32)
  const HMODULE library = LoadLibraryA(path.c_str());
  if (!library) reason = "error " + std::to_string(GetLastError());
  return reinterpret_cast<void*>(library);
#else
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!library) reason = dlerror();
  return library;
#endif
}

void* find_symbol(void* library, const char* name) {
#if defined(_WIN32)
  return reinterpret_cast<void*>(GetProcAddress(static_cast<HMODULE>(library), name));
#else
  return dlsym(library, name);
#endif
}

}  // namespace

const CudaInterface& load_cuda_library(const std::string& path) {
  static std::mutex mutex;
  static std::map<std::string, const CudaInterface*> loaded;
  std::lock_guard lock(mutex);
  const CudaInterface*& interface = loaded[path];
  if (interface) return *interface;
  std::string reason;
  void* library = open_library(path, reason);
  if (!library) {
    throw Error(ErrorCode::device, "Expected the CUDA library at " + path + ", but it does not load: " + reason +
                                       ". Build it where nvcc is found, or use the device \"cpu\"");
  }
  using Entry = const CudaInterface* (*)();
  const Entry entry = reinterpret_cast<Entry>(find_symbol(library, "lmspt_cuda_interface"));
  const CudaInterface* found = entry ? entry() : nullptr;
  if (!found || found->version != CudaInterface::kVersion) {
    throw Error(ErrorCode::device,
                "The CUDA library at " + path + " belongs to another version of lmspt; build it again");
  }
  interface = found;
  return *interface;
}

std::shared_ptr<Device> open_cuda_device(const std::string& library_path, int index) {
  const CudaInterface& cuda = load_cuda_library(library_path);
  try {
    return std::shared_ptr<Device>(cuda.open(index));
  } catch (const Error& error) {
    throw Error(error.code(), std::string(error.what()) + ". The CUDA library itself loads from " + library_path);
  }
}

}  // namespace lmspt
