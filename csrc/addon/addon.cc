// Entry of lmspt.node: the classes of objects.h, and functions that describe this build and this machine.
#include <napi.h>

#include "addon/convert.h"
#include "addon/environment.h"
#include "addon/objects.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda_library.h"
#include "graph/precision.h"
#include "graph/registry.h"
#include "graph/serialize.h"

namespace lmspt::addon {

namespace {

// The class of all errors that this addon throws: new ErrorClass(code, message).
void set_error_class(const Napi::CallbackInfo& info) {
  Environment::of(info.Env()).error_class = Napi::Persistent(info[0].As<Napi::Function>());
}

// Per op: its name, its attributes, whether it has a gradient, and for which CPU variants there are kernels.
Napi::Value list_ops(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Registry& registry = Registry::get();
  const std::vector<std::string> names = registry.names();
  Napi::Array list = Napi::Array::New(env, names.size());
  for (size_t i = 0; i < names.size(); ++i) {
    const OpDef& op = registry.op(names[i]);
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("name", op.name);
    entry.Set("gradient", static_cast<bool>(op.gradient));
    entry.Set("noGradient", op.no_gradient);
    entry.Set("view", op.is_view);
    Napi::Array attributes = Napi::Array::New(env, op.attrs.size());
    for (size_t a = 0; a < op.attrs.size(); ++a) attributes.Set(a, op.attrs[a].name);
    entry.Set("attributes", attributes);
    Napi::Array variants = Napi::Array::New(env);
    for (Isa isa : {Isa::portable, Isa::avx2, Isa::avx512}) {
      if (registry.cpu_kernel(isa, op.name)) variants.Set(variants.Length(), isa_name(isa));
    }
    entry.Set("cpu", variants);
    list.Set(i, entry);
  }
  return list;
}

Napi::Value describe_cpu(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  Napi::Object result = Napi::Object::New(env);
  result.Set("model", cpu_description());
  result.Set("threads", available_threads());
  Napi::Array variants = Napi::Array::New(env);
  for (Isa isa : isas_here()) variants.Set(variants.Length(), isa_name(isa));
  result.Set("variants", variants);
  Napi::Object arithmetic = Napi::Object::New(env);
  for (Precision precision : {Precision::bf16x3, Precision::bf16}) {
    arithmetic.Set(precision_name(precision), cpu_arithmetic_description(best_isa(), precision));
  }
  result.Set("arithmetic", arithmetic);
  return result;
}

// (library) -> { devices: string[], missing: string[] }; throws where the library or the driver cannot be used.
Napi::Value describe_cuda(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const CudaInterface& cuda = load_cuda_library(to_string_argument(info[0], "the library's path"));
    Napi::Object result = Napi::Object::New(info.Env());
    Napi::Array devices = Napi::Array::New(info.Env()), missing = Napi::Array::New(info.Env());
    for (const std::string& name : Registry::get().names()) {
      if (!Registry::get().op(name).is_view && !cuda.has_kernel(name.c_str())) missing.Set(missing.Length(), name);
    }
    char text[512] = "";
    const int count = cuda.device_count(text, sizeof text);
    if (count < 0) result.Set("problem", text);
    for (int i = 0; i < count; ++i) {
      cuda.describe(i, text, sizeof text);
      devices.Set(i, text);
    }
    result.Set("devices", devices);
    result.Set("missing", missing);
    return result;
  });
}

// (bytes) -> undefined; throws a format error where the bytes are not a valid plan file.
Napi::Value check_plan(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const Napi::Uint8Array bytes = info[0].As<Napi::Uint8Array>();
    parse_plan(bytes.Data(), static_cast<int64_t>(bytes.ByteLength()));
    return info.Env().Undefined();
  });
}

Napi::Object initialise(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Environment(env));
  DeviceObject::define(env, exports);
  MappedFileObject::define(env, exports);
  VariableObject::define(env, exports);
  GraphObject::define(env, exports);
  PlanObject::define(env, exports);
  exports.Set("setErrorClass", Napi::Function::New<set_error_class>(env));
  exports.Set("listOps", Napi::Function::New<list_ops>(env));
  exports.Set("describeCpu", Napi::Function::New<describe_cpu>(env));
  exports.Set("describeCuda", Napi::Function::New<describe_cuda>(env));
  exports.Set("checkPlan", Napi::Function::New<check_plan>(env));
  return exports;
}

NODE_API_MODULE(lmspt, initialise)

}  // namespace

}  // namespace lmspt::addon
