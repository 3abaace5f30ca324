#include "device/cuda/cuda_device.h"

#include <array>
#include <cstdio>

#include "device/cuda/cuda_session.h"
#include "device/cuda/kernels.h"
#include "device/cuda/status.h"
#include "device/error.h"
#include "device/setting.h"
#include "gemm/cuda/tile_setting.h"

namespace lmspt::cuda {

namespace {

constexpr uint64_t kFirstId = uint64_t{1} << 32;  // apart from the ids that the core gives to its own devices

// What became of a GPU in this process. All devices opened on it share its context: one's fault is everyone's.
struct Fate {
  std::atomic<bool> lost{false};
  std::atomic<int> generation{0};  // grows when a lost GPU is made usable again; what belonged to it before is gone
};

Fate& fate_of(int index) {
  static std::array<Fate, 256> fates;
  return fates[static_cast<size_t>(index) % fates.size()];
}

// LMSPT_CUDA_WGMMA=0 keeps products from kernels for compute capability 9.0a.
GpuTraits traits_of(int index) {
  const auto attribute = [&](cudaDeviceAttr name) {
    int value = 0;
    check(cudaDeviceGetAttribute(&value, name, index), "describe the device " + std::to_string(index));
    return value;
  };
  const std::string architectures = LMSPT_CUDA_ARCHITECTURES;
  GpuTraits traits;
  traits.multiprocessors = attribute(cudaDevAttrMultiProcessorCount);
  traits.wgmma = attribute(cudaDevAttrComputeCapabilityMajor) == 9 &&
                 attribute(cudaDevAttrComputeCapabilityMinor) == 0 &&
                 (architectures.find("90a") != std::string::npos || architectures == "emulated") &&
                 !is_switched_off("LMSPT_CUDA_WGMMA");
  return traits;
}

}  // namespace

CudaDevice::CudaDevice(int index)
    : index_(index),
      description_(describe_device(index)),
      gpu_(traits_of(index)),
      generation_(fate_of(index).generation),
      tuner_(*this, index, tile_setting()) {
  static std::atomic<uint64_t> next{kFirstId};
  id_ = next++;
}

CudaDevice::~CudaDevice() {
  if (!is_usable() || cudaSetDevice(index_) != cudaSuccess) return;
  if (own_stream_) cudaStreamSynchronize(own_stream_);
  workspace_.reset();
  stopwatch_.reset();
  if (beyond_caches_) cudaFree(beyond_caches_);
  if (ordered_) cudaEventDestroy(ordered_);
  if (own_stream_) cudaStreamDestroy(own_stream_);
}

Kernel CudaDevice::kernel(const char* op) const { return find_kernel(op).kernel; }
Bf16Ports CudaDevice::bf16_ports(const char* op, const KernelContext& call) const {
  const KnownKernel known = find_kernel(op);
  if (call.attrs->find("precision") && precision_of(*call.attrs) != Precision::bf16) {
    return known.unrounded ? known.unrounded(call) : Bf16Ports{};
  }
  return known.bf16.wgmma && !gpu_.wgmma ? Bf16Ports{} : known.bf16;
}

bool CudaDevice::prepares_input(const char* op, const KernelContext& call) {
  const Preparing prepares = find_kernel(op).prepares;
  if (!prepares) return false;
  KernelContext complete = call;
  complete.scratch = context().scratch;
  return prepares(complete);
}

const char* CudaDevice::arithmetic_description(Precision asked) const {
  switch (asked) {
    case Precision::bf16x3: return "three bf16 products on tensor cores, float32 sums";
    case Precision::tf32: return "tf32 on tensor cores, float32 sums";
    case Precision::bf16: return "bf16 on tensor cores, float32 sums";
    default: return "float32";
  }
}

// ---- loss ----

bool CudaDevice::is_usable() const {
  const Fate& fate = fate_of(index_);
  return !fate.lost && fate.generation == generation_;
}

void CudaDevice::enter() {
  if (lost_.empty() && !is_usable()) {
    lost_ = "The CUDA device " + std::to_string(index_) + " (" + description_ +
            ") is lost: a fault stopped all work on this GPU. Open it again, or use the device \"cpu\"";
  }
  if (!lost_.empty()) throw Error(ErrorCode::device, lost_);
  guard(cudaSetDevice(index_), "use the device " + std::to_string(index_));
}

void CudaDevice::guard(cudaError_t status, const std::string& action) {
  if (status == cudaSuccess || status == cudaErrorNotReady) return;
  if (!lost_.empty()) throw Error(ErrorCode::device, lost_);
  const std::string reason = error_text(status);
  cudaGetLastError();
  const cudaError_t still = cudaDeviceSynchronize();
  if (still == cudaSuccess) {
    throw Error(status == cudaErrorMemoryAllocation ? ErrorCode::out_of_memory : ErrorCode::device,
                describe_failure(status, action, reason));
  }
  lost_ = "The CUDA device " + std::to_string(index_) + " (" + description_ + ") is lost: " + error_text(still) +
          ". Open it again, or use the device \"cpu\"";
  fate_of(index_).lost = true;
  throw Error(ErrorCode::device, lost_);
}

void revive(int index) {
  Fate& fate = fate_of(index);
  if (!fate.lost) return;
  cudaSetDevice(index);  // chooses it even where it then reports the fault
  const cudaError_t status = cudaDeviceReset();
  if (status != cudaSuccess) {
    const std::string reason = error_text(status);
    cudaGetLastError();
    throw Error(ErrorCode::device, "The CUDA device " + std::to_string(index) + " was lost and does not come back: " +
                                       reason + ". Start the process again, or use the device \"cpu\"");
  }
  ++fate.generation;
  fate.lost = false;
}

// ---- memory ----

void* CudaDevice::allocate(size_t bytes) {
  enter();
  void* memory = nullptr;
  with_memory(bytes, "allocate " + std::to_string(bytes) + " bytes", [&] { return cudaMalloc(&memory, bytes); });
  return memory;
}

// Called by destructors: what a lost device held is gone with it, and a failure shows at the next call.
void CudaDevice::release(void* memory) {
  if (is_usable() && cudaSetDevice(index_) == cudaSuccess) cudaFree(memory);
}

bool CudaDevice::free_memory_of_a_session() {
  cudaGetLastError();  // the failure is dealt with
  for (CudaSession* session : sessions_) {
    if (session != running_ && session->give_back_memory()) return true;
  }
  return false;
}

void CudaDevice::fail_for_memory_of_device(size_t bytes) {
  cudaGetLastError();
  fail_for_memory(bytes);
}

void CudaDevice::remove(CudaSession& session) {
  sessions_.remove(&session);
  if (running_ == &session) running_ = nullptr;
}

void CudaDevice::set_running(CudaSession* session) {
  running_ = session;
  if (!session) return;
  sessions_.remove(session);
  sessions_.push_back(session);
}

// ---- work outside of sessions ----

cudaStream_t CudaDevice::stream() {
  enter();
  if (!own_stream_) guard(cudaStreamCreateWithFlags(&own_stream_, cudaStreamNonBlocking), "make a stream");
  return own_stream_;
}

void CudaDevice::upload(void* device, const void* host, size_t bytes) {
  copy(device, host, bytes, cudaMemcpyHostToDevice);
}

void CudaDevice::download(void* host, const void* device, size_t bytes) {
  copy(host, device, bytes, cudaMemcpyDeviceToHost);
}

// Host memory may be reused when this returns.
void CudaDevice::copy(void* target, const void* source, size_t bytes, cudaMemcpyKind kind) {
  const cudaStream_t stream = this->stream();
  const std::string action = "copy " + std::to_string(bytes) + " bytes";
  wait_for_ordered(stream);
  guard(cudaMemcpyAsync(target, source, bytes, kind, stream), action);
  guard(cudaStreamSynchronize(stream), action);
}

KernelContext CudaDevice::context() {
  KernelContext context{};
  context.stream = stream();
  if (!workspace_) workspace_ = std::make_unique<Workspace>(*this, own_stream_);
  context.scratch = static_cast<ScratchMemory*>(workspace_.get());
  return context;
}

void CudaDevice::settle() { guard(cudaStreamSynchronize(stream()), "finish the work before"); }

// ---- sessions ----

std::unique_ptr<Session> CudaDevice::session() { return std::make_unique<CudaSession>(*this); }

void CudaDevice::wait_for_ordered(cudaStream_t stream) {
  if (ordered_) guard(cudaStreamWaitEvent(stream, ordered_, 0), "wait for the work before");
}

void CudaDevice::ordered_ends(cudaStream_t stream) {
  if (!ordered_) guard(cudaEventCreateWithFlags(&ordered_, cudaEventDisableTiming), "make an event");
  guard(cudaEventRecord(ordered_, stream), "record an event");
}

// Not for the whole GPU: on other threads, graphs may be captured.
void CudaDevice::wait_for_sessions() {
  for (CudaSession* session : sessions_) session->wait();
}

Stopwatch& CudaDevice::stopwatch() {
  if (!stopwatch_) stopwatch_ = std::make_unique<Stopwatch>(*this);
  return *stopwatch_;
}

void CudaDevice::empty_caches(cudaStream_t stream) {
  constexpr size_t kTimesTheCache = 4;
  int cache = 0;
  guard(cudaDeviceGetAttribute(&cache, cudaDevAttrL2CacheSize, index_), "ask for the size of the cache");
  const size_t bytes = kTimesTheCache * static_cast<size_t>(cache);
  if (bytes == 0) return;
  if (!beyond_caches_) beyond_caches_ = allocate(bytes);
  guard(cudaMemsetAsync(beyond_caches_, 0, bytes, stream), "empty the caches");
}

std::string describe_device(int index) {
  cudaDeviceProp properties;
  check(cudaGetDeviceProperties(&properties, index), "describe the device " + std::to_string(index));
  char text[384];
  std::snprintf(text, sizeof text, "%s, compute capability %d.%d, %.1f GiB", properties.name, properties.major,
                properties.minor, static_cast<double>(properties.totalGlobalMem) / (1 << 30));
  return text;
}

}  // namespace lmspt::cuda
