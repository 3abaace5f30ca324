#include "device/cuda/cuda_session.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "device/cuda/cuda_device.h"
#include "device/error.h"
#include "device/setting.h"

#if defined(LMSPT_CUDA_EMULATED)
#include "cuda-emulation/forget.h"
#endif

namespace lmspt::cuda {

namespace {

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

CudaSession::CudaSession(CudaDevice& device) : device_(device) { device_.add(*this); }

CudaSession::~CudaSession() {
  device_.remove(*this);
  if (!stream_ || !device_.is_usable()) return;
  try {
    device_.enter();
  } catch (const Error&) {
    return;
  }
  give_back_memory();
  workspace_.reset();
  close_aside();
  for (Slot& slot : slots_) {
    if (slot.memory) cudaFreeHost(slot.memory);
    if (slot.done) cudaEventDestroy(slot.done);
  }
  cudaStreamDestroy(stream_);
}

void CudaSession::close_aside() {
  aside_.workspace.reset();
  for (cudaEvent_t event : {aside_.forked, aside_.joined}) {
    if (event) cudaEventDestroy(event);
  }
  if (aside_.stream) cudaStreamDestroy(aside_.stream);
}

// ---- memory ----

bool CudaSession::give_back_memory() {
  if (!stream_ || cudaStreamSynchronize(stream_) != cudaSuccess) return false;
  bool had_scratch = workspace_->clear();
  if (aside_.workspace) had_scratch |= aside_.workspace->clear();
  const bool had_arena = arena_ != nullptr;
  drop_graph();
  if (arena_) cudaFree(arena_);
  arena_ = nullptr;
  arena_bytes_ = 0;
  return had_arena || had_scratch;
}

void CudaSession::drop_graph() {
  if (graph_) cudaGraphExecDestroy(graph_);
  graph_ = nullptr;
  direct_runs_ = 0;
}

void CudaSession::prepare(Slot& slot, size_t bytes) {
  slot.used = 0;
  slot.downloads.clear();
  if (!slot.done) device_.guard(cudaEventCreateWithFlags(&slot.done, cudaEventDisableTiming), "make an event");
  if (bytes <= slot.size) return;
  if (slot.memory) device_.guard(cudaFreeHost(slot.memory), "free host memory");
  slot.memory = nullptr;
  slot.size = 0;
  const cudaError_t status = cudaHostAlloc(reinterpret_cast<void**>(&slot.memory), bytes, cudaHostAllocDefault);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw Error(ErrorCode::out_of_memory, "Expected to get " + std::to_string(bytes) +
                                              " bytes of pinned host memory for inputs and outputs, but the system "
                                              "refused; use shorter or smaller inputs");
  }
  device_.guard(status, "allocate host memory");
  slot.size = bytes;
}

char* CudaSession::stage(size_t bytes) {
  Slot& slot = slots_[current_];
  if (slot.used + rounded(bytes) > slot.size) {
    throw Error(ErrorCode::device, "Expected at most " + std::to_string(slot.size) + " bytes of inputs and outputs");
  }
  char* memory = slot.memory + slot.used;
  slot.used += rounded(bytes);
  return memory;
}

// ---- a run ----

void* CudaSession::begin(size_t arena_bytes, size_t staging_bytes, bool ordered) {
  device_.enter();
  if (started_ == slots_.size()) throw Error(ErrorCode::device, "Too many runs of a plan are under way");
  device_.set_running(this);
  try {
    if (!stream_) {
      device_.guard(cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking), "make a stream");
      workspace_ = std::make_unique<Workspace>(device_, stream_);
    }
    if (!arena_ || arena_bytes > arena_bytes_) {
      const size_t bytes = std::max<size_t>(arena_bytes, 256);
      give_back_memory();
      device_.with_memory(bytes, "allocate " + std::to_string(bytes) + " bytes",
                          [&] { return cudaMalloc(&arena_, bytes); });
      arena_bytes_ = bytes;
    }
    const int64_t direct_runs = direct_runs_;
    bool grew = workspace_->grow();
    if (aside_.workspace) grew |= aside_.workspace->grow();
    if (grew) {
      drop_graph();
      direct_runs_ = direct_runs;
    }
    prepare(slots_[current_], staging_bytes);
    ordered_ = ordered;
    if (ordered) device_.wait_for_ordered(stream_);
#if defined(LMSPT_CUDA_EMULATED)
    emulation::forget(arena_, arena_bytes_, stream_);
#endif
  } catch (...) {
    device_.set_running(nullptr);
    throw;
  }
  return arena_;
}

void CudaSession::upload(void* device, const void* host, size_t bytes) {
  if (bytes == 0) return;
  char* staged = stage(bytes);
  std::memcpy(staged, host, bytes);
  device_.guard(cudaMemcpyAsync(device, staged, bytes, cudaMemcpyHostToDevice, stream_),
                "copy " + std::to_string(bytes) + " bytes");
}

void CudaSession::download(void* host, const void* device, size_t bytes) {
  if (bytes == 0) return;
  char* staged = stage(bytes);
  device_.guard(cudaMemcpyAsync(staged, device, bytes, cudaMemcpyDeviceToHost, stream_),
                "copy " + std::to_string(bytes) + " bytes");
  slots_[current_].downloads.push_back({host, staged, bytes});
}

KernelContext CudaSession::context() { return context_of(stream_, *workspace_); }
KernelContext CudaSession::aside() { return context_of(aside_.stream, *aside_.workspace); }

KernelContext CudaSession::context_of(cudaStream_t stream, Workspace& workspace) {
  KernelContext context{};
  context.stream = stream;
  context.scratch = static_cast<ScratchMemory*>(&workspace);
  context.tuner = &device_.tuner();
  return context;
}

// A capture takes the second stream along.
void CudaSession::fork() {
  if (!aside_.workspace) {
    if (!aside_.stream) {
      device_.guard(cudaStreamCreateWithFlags(&aside_.stream, cudaStreamNonBlocking), "make a stream");
    }
    for (cudaEvent_t* event : {&aside_.forked, &aside_.joined}) {
      if (!*event) device_.guard(cudaEventCreateWithFlags(event, cudaEventDisableTiming), "make an event");
    }
    aside_.workspace = std::make_unique<Workspace>(device_, aside_.stream);
  }
  device_.guard(cudaEventRecord(aside_.forked, stream_), "record an event");
  device_.guard(cudaStreamWaitEvent(aside_.stream, aside_.forked, 0), "wait for an event");
}

void CudaSession::join() {
  device_.guard(cudaEventRecord(aside_.joined, aside_.stream), "record an event");
  device_.guard(cudaStreamWaitEvent(stream_, aside_.joined, 0), "wait for an event");
}

// The first run loads the kernels, tries tiles, and tells how much scratch memory they take; the second is captured.
void CudaSession::work(const std::function<void()>& steps) {
  if (direct_runs_ == 0 || is_switched_off("LMSPT_CUDA_GRAPHS")) {
    steps();
    ++direct_runs_;
    device_.tuner().save();
    return;
  }
  if (!graph_) capture(steps);
  device_.guard(cudaGraphLaunch(graph_, stream_), "launch a graph");
}

void CudaSession::capture(const std::function<void()>& steps) {
  device_.guard(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal), "begin a graph");
  cudaGraph_t graph = nullptr;
  try {
    steps();
  } catch (...) {
    cudaStreamEndCapture(stream_, &graph);
    if (graph) cudaGraphDestroy(graph);
    cudaGetLastError();
    throw;
  }
  device_.guard(cudaStreamEndCapture(stream_, &graph), "make a graph of the plan's kernels");
  try {
    device_.with_memory(0, "make a graph executable", [&] { return cudaGraphInstantiate(&graph_, graph, 0); });
  } catch (...) {
    graph_ = nullptr;
    cudaGraphDestroy(graph);
    throw;
  }
  cudaGraphDestroy(graph);
}

void CudaSession::wait() {
  if (stream_) device_.guard(cudaStreamSynchronize(stream_), "finish the work before");
}

double CudaSession::time(const std::function<void()>& steps) {
  device_.empty_caches(stream_);
  return device_.stopwatch().time(stream_, steps);
}

void CudaSession::end() {
  device_.guard(cudaEventRecord(slots_[current_].done, stream_), "record an event");
  if (ordered_) device_.ordered_ends(stream_);
  device_.set_running(nullptr);
  current_ = (current_ + 1) % slots_.size();
  ++started_;
}

void CudaSession::finish() {
  Slot& slot = slots_[(current_ + slots_.size() - started_) % slots_.size()];
  --started_;
  device_.enter();
  device_.guard(cudaEventSynchronize(slot.done), "run a plan");
  for (const Slot::Download& download : slot.downloads) std::memcpy(download.target, download.source, download.bytes);
  slot.downloads.clear();
}

void CudaSession::abandon() {
  device_.set_running(nullptr);
  if (device_.is_usable() && aside_.stream) cudaStreamSynchronize(aside_.stream);
  if (device_.is_usable() && stream_) cudaStreamSynchronize(stream_);
  slots_[current_].downloads.clear();
}

}  // namespace lmspt::cuda
