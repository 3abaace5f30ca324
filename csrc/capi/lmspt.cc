#include "capi/lmspt.h"

#include <string>
#include <vector>

#include "device/cpu/cpu_device.h"
#include "device/cuda_library.h"
#include "graph/mapped_file.h"
#include "graph/plan.h"
#include "graph/serialize.h"

#ifndef LMSPT_VERSION
#define LMSPT_VERSION "unknown"
#endif

struct lmspt_device {
  std::shared_ptr<lmspt::Device> device;
};

struct lmspt_plan {
  std::unique_ptr<lmspt::Plan> plan;
  std::vector<lmspt::PlanSample> samples;
  std::vector<lmspt::ValueId> input_values, output_values;

  const lmspt::PlanSample* sample_of(const std::vector<lmspt::ValueId>& values, int32_t port) const {
    if (port < 0 || port >= static_cast<int32_t>(values.size())) return nullptr;
    for (const auto& sample : samples) {
      if (sample.value == values[port]) return &sample;
    }
    return nullptr;
  }
};

namespace {

thread_local std::string last_error;
constexpr int32_t kMostThreads = 1024;

lmspt_status status_of(lmspt::ErrorCode code) {
  switch (code) {
    case lmspt::ErrorCode::format: return LMSPT_FORMAT;
    case lmspt::ErrorCode::io: return LMSPT_IO;
    case lmspt::ErrorCode::device: return LMSPT_DEVICE;
    case lmspt::ErrorCode::out_of_memory: return LMSPT_OUT_OF_MEMORY;
    case lmspt::ErrorCode::unsupported: return LMSPT_UNSUPPORTED;
    default: return LMSPT_INVALID_ARGUMENT;
  }
}

template <class Body>
int guarded(Body&& body) {
  try {
    body();
    return LMSPT_OK;
  } catch (const lmspt::Error& error) {
    last_error = error.what();
    return status_of(error.code());
  } catch (const std::bad_alloc&) {
    last_error = "out of memory";
    return LMSPT_OUT_OF_MEMORY;
  } catch (const std::exception& error) {
    last_error = error.what();
    return LMSPT_DEVICE;
  }
}

template <class Pointer>
Pointer required(Pointer pointer, const char* what) {
  if (pointer) return pointer;
  throw lmspt::Error(lmspt::ErrorCode::invalid_argument, std::string("Expected ") + what + " but received NULL");
}

// One for every port; those of ports without elements may be NULL.
template <class Pointer>
std::vector<Pointer> pointers(const Pointer* given, const std::vector<lmspt::Plan::Port>& ports) {
  std::vector<Pointer> result;
  for (size_t i = 0; i < ports.size(); ++i) {
    result.push_back(required(given, "an array of pointers")[i]);
    if (ports[i].shape.count() > 0) required(result.back(), ("memory for " + ports[i].name).c_str());
  }
  return result;
}

// Of an empty sample too there is an address.
const void* data_of(const lmspt::PlanSample& sample) {
  return sample.data.empty() ? "" : static_cast<const void*>(sample.data.data());
}

int32_t copy_ports(const std::vector<lmspt::Plan::Port>& source, lmspt_port* ports, int32_t capacity) {
  for (int32_t i = 0; i < capacity && i < static_cast<int32_t>(source.size()); ++i) {
    lmspt_port& port = ports[i];
    port.name = source[i].name.c_str();
    port.dtype = source[i].dtype == lmspt::DType::f32 ? LMSPT_F32 : LMSPT_I32;
    port.rank = source[i].shape.rank;
    for (int d = 0; d < lmspt::kMaxRank; ++d) port.shape[d] = source[i].shape.dims[d];
    port.count = source[i].shape.count();
  }
  return static_cast<int32_t>(source.size());
}

}  // namespace

const char* lmspt_version(void) { return LMSPT_VERSION; }
const char* lmspt_last_error(void) { return last_error.c_str(); }

int lmspt_cpu_open(const char* variant, int32_t threads, lmspt_device** device) {
  return guarded([&] {
    if (threads < 0 || threads > kMostThreads) {
      throw lmspt::Error(lmspt::ErrorCode::invalid_argument,
                         "Expected 0 to 1024 threads but received " + std::to_string(threads));
    }
    lmspt::CpuOptions options;
    options.threads = threads;
    if (variant) options.isa = lmspt::isa_from_name(variant);
    *required(device, "a place for the device") = new lmspt_device{lmspt::make_cpu_device(options)};
  });
}

int lmspt_cuda_open(const char* library, int32_t index, lmspt_device** device) {
  return guarded([&] {
    required(library, "the path of the CUDA library");
    *required(device, "a place for the device") = new lmspt_device{lmspt::open_cuda_device(library, index)};
  });
}

const char* lmspt_device_description(const lmspt_device* device) { return device->device->description(); }
void lmspt_device_close(lmspt_device* device) { delete device; }

int lmspt_plan_load(lmspt_device* device, const char* path, lmspt_plan** plan) {
  return guarded([&] {
    required(device, "a device");
    required(plan, "a place for the plan");
    const auto file = lmspt::MappedFile::open(required(path, "a path"));
    lmspt::PlanFile parsed = lmspt::parse_plan(file->data(), file->size());
    auto result = std::make_unique<lmspt_plan>();
    for (size_t id = 0; id < parsed.program.sources.size(); ++id) {
      if (parsed.program.sources[id].kind == lmspt::NodeKind::input) {
        result->input_values.push_back(static_cast<lmspt::ValueId>(id));
      }
    }
    for (const auto& output : parsed.program.outputs) result->output_values.push_back(output.value);
    result->samples = std::move(parsed.samples);
    result->plan = std::make_unique<lmspt::Plan>(std::move(parsed.program), device->device);
    *plan = result.release();
  });
}

int32_t lmspt_plan_inputs(const lmspt_plan* plan, lmspt_port* ports, int32_t capacity) {
  return copy_ports(plan->plan->inputs(), ports, capacity);
}

int32_t lmspt_plan_outputs(const lmspt_plan* plan, lmspt_port* ports, int32_t capacity) {
  return copy_ports(plan->plan->outputs(), ports, capacity);
}

int lmspt_plan_run(lmspt_plan* plan, const void* const* inputs, void* const* outputs) {
  return guarded([&] {
    required(plan, "a plan");
    plan->plan->run(pointers(inputs, plan->plan->inputs()), pointers(outputs, plan->plan->outputs()));
  });
}

void lmspt_plan_close(lmspt_plan* plan) { delete plan; }

const void* lmspt_plan_input_sample(const lmspt_plan* plan, int32_t port) {
  const lmspt::PlanSample* sample = plan->sample_of(plan->input_values, port);
  return sample ? data_of(*sample) : nullptr;
}

const void* lmspt_plan_output_sample(const lmspt_plan* plan, int32_t port, double* tolerance) {
  const lmspt::PlanSample* sample = plan->sample_of(plan->output_values, port);
  if (sample && tolerance) *tolerance = sample->tolerance;
  return sample ? data_of(*sample) : nullptr;
}
