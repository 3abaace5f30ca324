// The switches of control.h as a module of Node.js: process.dlopen of the library that the engine has opened gives
// them.
#include "cuda-emulation/control.h"

#include <node_api.h>

#include <exception>
#include <string>

namespace {

using namespace lmspt::emulation;

// So that the library also loads where there is no Node.js.
#pragma weak napi_create_object
#pragma weak napi_create_double
#pragma weak napi_create_function
#pragma weak napi_get_cb_info
#pragma weak napi_get_array_length
#pragma weak napi_get_element
#pragma weak napi_get_property
#pragma weak napi_get_property_names
#pragma weak napi_get_value_string_utf8
#pragma weak napi_get_value_double
#pragma weak napi_set_named_property
#pragma weak napi_throw_error

void set_number(napi_env env, napi_value object, const char* name, int64_t number) {
  napi_value value;
  napi_create_double(env, static_cast<double>(number), &value);
  napi_set_named_property(env, object, name, value);
}

napi_value counts(napi_env env, napi_callback_info) {
  const control::Counts counts = control::counts();
  napi_value result, kernels, devices;
  napi_create_object(env, &result);
  set_number(env, result, "launches", counts.launches);
  set_number(env, result, "graphLaunches", counts.graph_launches);
  set_number(env, result, "captures", counts.captures);
  set_number(env, result, "allocations", counts.allocations);
  set_number(env, result, "bytes", counts.bytes);
  set_number(env, result, "pinned", counts.pinned);
  set_number(env, result, "streams", counts.streams);
  set_number(env, result, "events", counts.events);
  set_number(env, result, "graphs", counts.graphs);
  napi_create_object(env, &devices);
  for (size_t i = 0; i < counts.bytes_of_devices.size(); ++i) {
    set_number(env, devices, std::to_string(i).c_str(), counts.bytes_of_devices[i]);
  }
  napi_set_named_property(env, result, "bytesOfDevices", devices);
  napi_create_object(env, &kernels);
  for (const auto& [name, launches] : counts.kernels) set_number(env, kernels, name.c_str(), launches);
  napi_set_named_property(env, result, "kernels", kernels);
  return result;
}

// The arguments as numbers; 0 for those that are missing.
struct Numbers {
  double values[2] = {};
  Numbers(napi_env env, napi_callback_info info) {
    napi_value arguments[2];
    size_t count = 2;
    napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
    for (size_t i = 0; i < count && i < 2; ++i) napi_get_value_double(env, arguments[i], &values[i]);
  }
};

template <class Call>
napi_value guarded(napi_env env, napi_callback_info info, Call call) {
  const Numbers numbers(env, info);
  try {
    call(static_cast<int>(numbers.values[0]), numbers.values[1]);
  } catch (const std::exception& error) {
    napi_throw_error(env, nullptr, error.what());
  }
  return nullptr;
}

napi_value set_memory(napi_env env, napi_callback_info info) {
  return guarded(env, info, [](int device, double bytes) { control::set_memory(device, static_cast<size_t>(bytes)); });
}

napi_value fail_allocations_after(napi_env env, napi_callback_info info) {
  return guarded(env, info, [](int device, double count) {
    control::fail_allocations_after(device, static_cast<int64_t>(count));
  });
}

napi_value lose(napi_env env, napi_callback_info info) {
  return guarded(env, info, [](int device, double) { control::lose(device); });
}

// An object whose keys are parts of names.
napi_value set_kernel_times(napi_env env, napi_callback_info info) {
  napi_value object, names;
  size_t arguments = 1;
  uint32_t count = 0;
  napi_get_cb_info(env, info, &arguments, &object, nullptr, nullptr);
  napi_get_property_names(env, object, &names);
  napi_get_array_length(env, names, &count);
  std::map<std::string, double> times;
  for (uint32_t i = 0; i < count; ++i) {
    napi_value name, value;
    char text[256];
    size_t length = 0;
    napi_get_element(env, names, i, &name);
    napi_get_property(env, object, name, &value);
    napi_get_value_string_utf8(env, name, text, sizeof text, &length);
    napi_get_value_double(env, value, &times[std::string(text, length)]);
  }
  control::set_kernel_times(times);
  return nullptr;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int32_t node_api_module_get_api_version_v1() { return 8; }

extern "C" __attribute__((visibility("default"))) napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  const auto add = [&](const char* name, napi_callback callback) {
    napi_value function;
    napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function);
    napi_set_named_property(env, exports, name, function);
  };
  add("counts", counts);
  add("setMemory", set_memory);
  add("failAllocationsAfter", fail_allocations_after);
  add("lose", lose);
  add("setKernelTimes", set_kernel_times);
  return exports;
}
