// The calls of the CUDA runtime: streams, events, graphs.
#include <chrono>
#include <utility>

#include "cuda-emulation/runtime_calls.h"

using namespace lmspt::emulation;

#define LMSPT_DEVICE                                    \
  const std::lock_guard lock(Runtime::get().mutex);     \
  DeviceState* const device = current();                \
  if (!device) return remember(cudaErrorInvalidDevice); \
  if (device->lost.code != cudaSuccess) return remember(device->lost)

#define LMSPT_STREAM                                             \
  LMSPT_DEVICE;                                                  \
  lmsptEmulatedStream* const queue = stream_of(*device, stream); \
  if (!queue) return remember(cudaErrorInvalidResourceHandle)

namespace {

// Seconds; where tests say how long kernels take, of these alone.
double now() {
  const Runtime& runtime = Runtime::get();
  if (!runtime.kernel_seconds.empty()) return runtime.clock;
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Does what comes before an event.
Failure reach(const std::shared_ptr<Recording>& recording) {
  while (recording->stream) {
    lmsptEmulatedStream& stream = *recording->stream;
    DeviceState& device = *device_of(stream.device);
    if (device.lost.code == cudaSuccess && stream.work.empty()) break;
    if (Failure failure = do_next(device, stream); failure.code) return failure;
  }
  return {};
}

}  // namespace

// ---- streams ----

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  LMSPT_DEVICE;
  *stream = new lmsptEmulatedStream;
  (*stream)->device = device->index;
  device->streams.insert(*stream);
  return cudaSuccess;
}
cudaError_t cudaStreamCreate(cudaStream_t* stream) { return cudaStreamCreateWithFlags(stream, cudaStreamDefault); }

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  LMSPT_STREAM;
  if (!stream) return remember(cudaErrorInvalidResourceHandle);
  const Failure failure = drain(*device, *stream);
  device->streams.erase(stream);
  delete stream;
  return remember(failure);
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  LMSPT_STREAM;
  if (queue->capture) {
    queue->invalidated = true;
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  return remember(drain(*device, *queue));
}

// Does a piece of work for each time it is asked.
cudaError_t cudaStreamQuery(cudaStream_t stream) {
  LMSPT_STREAM;
  if (queue->capture) {
    queue->invalidated = true;
    return remember(cudaErrorStreamCaptureUnsupported);
  }
  if (queue->work.empty()) return cudaSuccess;
  const Failure failure = do_next(*device, *queue);
  return failure.code ? remember(failure) : cudaErrorNotReady;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  LMSPT_STREAM;
  if (!event) return remember(cudaErrorInvalidResourceHandle);
  const std::shared_ptr<Recording> recording = event->recording;
  if (!recording) return cudaSuccess;
  if (recording->capture) {
    if (queue->capture && queue->capture != recording->capture) return remember(cudaErrorInvalidValue);
    if (!queue->capture) {
      queue->capture = recording->capture;
      queue->is_origin = false;
      queue->invalidated = false;
      queue->joined = false;
      queue->capture->streams.insert(queue);
    } else if (queue->is_origin && recording->stream) {
      recording->stream->joined = true;
    }
    return cudaSuccess;  // a graph keeps the order in which it was captured
  }
  if (queue->capture) return remember(cudaErrorStreamCaptureUnsupported);
  return enqueue(*device, *queue, [recording] { return reach(recording); });
}

// ---- events ----

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  LMSPT_DEVICE;
  *event = new lmsptEmulatedEvent;
  (*event)->device = device->index;
  device->events.insert(*event);
  return cudaSuccess;
}
cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  LMSPT_DEVICE;
  if (device->events.erase(event) == 0) return remember(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  LMSPT_STREAM;
  if (device->events.count(event) == 0) return remember(cudaErrorInvalidResourceHandle);
  auto recording = std::make_shared<Recording>();
  recording->stream = queue;
  recording->capture = queue->capture;
  event->recording = recording;
  if (queue->capture) return cudaSuccess;
  return enqueue(*device, *queue, [recording]() -> Failure {
    recording->stream = nullptr;
    recording->seconds = now();
    return {};
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  LMSPT_DEVICE;
  if (device->events.count(event) == 0) return remember(cudaErrorInvalidResourceHandle);
  if (!event->recording) return cudaSuccess;
  if (event->recording->capture) return remember(cudaErrorStreamCaptureUnsupported);
  return remember(reach(event->recording));
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  LMSPT_DEVICE;
  if (device->events.count(event) == 0) return remember(cudaErrorInvalidResourceHandle);
  if (!event->recording || !event->recording->stream) return cudaSuccess;
  lmsptEmulatedStream* const stream = event->recording->stream;
  return cudaStreamQuery(stream) == cudaSuccess ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  LMSPT_DEVICE;
  if (!start->recording || !end->recording) return remember(cudaErrorInvalidResourceHandle);
  if (start->recording->stream || end->recording->stream) return cudaErrorNotReady;
  *milliseconds = static_cast<float>((end->recording->seconds - start->recording->seconds) * 1e3);
  return cudaSuccess;
}

// ---- graphs ----

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  LMSPT_STREAM;
  if (!stream || queue->capture) return remember(cudaErrorStreamCaptureUnsupported);
  queue->capture = new lmsptEmulatedGraph;
  queue->capture->device = device->index;
  queue->capture->thread = std::this_thread::get_id();
  queue->capture->streams.insert(queue);
  queue->is_origin = true;
  queue->invalidated = false;
  queue->joined = true;
  return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  LMSPT_STREAM;
  *graph = nullptr;
  if (!queue->capture || !queue->is_origin) return remember(cudaErrorInvalidValue);
  lmsptEmulatedGraph* const captured = queue->capture;
  bool invalidated = false, joined = true;
  for (lmsptEmulatedStream* member : captured->streams) {
    invalidated |= member->invalidated;
    joined &= member->joined;
    member->capture = nullptr;
    member->invalidated = false;
  }
  captured->streams.clear();
  if (invalidated || !joined) {
    delete captured;
    return remember(invalidated ? cudaErrorStreamCaptureInvalidated : cudaErrorStreamCaptureUnjoined);
  }
  ++Runtime::get().statistics.captures;
  device->graphs.insert(captured);
  *graph = captured;
  return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  LMSPT_STREAM;
  *status = !queue->capture      ? cudaStreamCaptureStatusNone
            : queue->invalidated ? cudaStreamCaptureStatusInvalidated
                                 : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long) {
  LMSPT_DEVICE;
  *exec = nullptr;
  if (device->graphs.count(graph) == 0) return remember(cudaErrorInvalidValue);
  *exec = new lmsptEmulatedGraphExec;
  (*exec)->device = device->index;
  (*exec)->work = std::make_shared<const std::vector<Work>>(graph->work);
  device->execs.insert(*exec);
  return cudaSuccess;
}

cudaError_t cudaGraphUpload(cudaGraphExec_t exec, cudaStream_t stream) {
  LMSPT_STREAM;
  return device->execs.count(exec) ? cudaSuccess : remember(cudaErrorInvalidValue);
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  LMSPT_STREAM;
  if (device->execs.count(exec) == 0) return remember(cudaErrorInvalidValue);
  return enqueue(*device, *queue, [work = exec->work]() -> Failure {
    ++Runtime::get().statistics.graph_launches;
    for (const Work& piece : *work) {
      if (Failure failure = piece(); failure.code) return failure;
    }
    return {};
  });
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec) {
  LMSPT_DEVICE;
  if (device->execs.erase(exec) == 0) return remember(cudaErrorInvalidValue);
  delete exec;
  return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  LMSPT_DEVICE;
  if (device->graphs.erase(graph) == 0) return remember(cudaErrorInvalidValue);
  delete graph;
  return cudaSuccess;
}
