#include <cstring>

#include "addon/convert.h"
#include "addon/objects.h"
#include "device/cpu/cpu_device.h"
#include "device/cuda_library.h"
#include "graph/precision.h"

namespace lmspt::addon {

namespace {

std::shared_ptr<Device> open_device(const Napi::Object& options) {
  const std::string kind = to_string_argument(options.Get("kind"), "kind");
  if (kind == "cuda") {
    return open_cuda_device(to_string_argument(options.Get("library"), "library"),
                            options.Get("index").As<Napi::Number>().Int32Value());
  }
  if (kind != "cpu") throw Error(ErrorCode::invalid_argument, "Expected \"cpu\" or \"cuda\" for kind");
  CpuOptions cpu;
  const Napi::Value threads = options.Get("threads"), variant = options.Get("variant");
  if (threads.IsNumber()) cpu.threads = threads.As<Napi::Number>().Int32Value();
  if (variant.IsString()) cpu.isa = isa_from_name(variant.As<Napi::String>().Utf8Value());
  return make_cpu_device(cpu);
}

}  // namespace

void DeviceObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = DefineClass(
      env, "Device",
      {InstanceAccessor<&DeviceObject::kind>("kind"), InstanceAccessor<&DeviceObject::description>("description"),
       InstanceMethod<&DeviceObject::arithmetic>("arithmetic"), InstanceMethod<&DeviceObject::read>("read"),
       InstanceMethod<&DeviceObject::close>("close")});
  Environment::of(env).device = Napi::Persistent(constructor);
  exports.Set("Device", constructor);
}

DeviceObject::DeviceObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<DeviceObject>(info) {
  guarded(info, [&] {
    if (!info[0].IsObject()) throw Error(ErrorCode::invalid_argument, "Expected an object for the device's options");
    thread_ = std::make_shared<DeviceThread>(open_device(info[0].As<Napi::Object>()));
    Environment::of(info.Env()).adopt(thread_);
  });
}

// The safety net for a device that nobody closed: its thread ends when it has nothing left to do.
DeviceObject::~DeviceObject() {
  if (thread_) Environment::of(Env()).retire(thread_);
}

DeviceObject& DeviceObject::from(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(Environment::of(value.Env()).device.Value())) {
    throw Error(ErrorCode::invalid_argument, "Expected a Device");
  }
  return *Unwrap(value.As<Napi::Object>());
}

Napi::Value DeviceObject::kind(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), thread_->device() ? thread_->device()->kind() : "closed");
}

Napi::Value DeviceObject::description(const Napi::CallbackInfo& info) {
  return Napi::String::New(info.Env(), thread_->device() ? thread_->device()->description() : "closed");
}

Napi::Value DeviceObject::arithmetic(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const Precision precision = precision_from_name(to_string_argument(info[0], "precision"));
    const std::shared_ptr<Device>& device = thread_->device();
    if (!device) throw Error(ErrorCode::closed, "The device is closed; open another one");
    if (device->arithmetic(precision) == Precision::inherit) return info.Env().Undefined();
    return Napi::String::New(info.Env(), device->arithmetic_description(precision));
  });
}

// The variables' values after everything that was asked of this device before.
Napi::Value DeviceObject::read(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    if (!info[0].IsArray()) throw Error(ErrorCode::invalid_argument, "Expected a list of variables");
    const Napi::Array given = info[0].As<Napi::Array>();
    std::vector<std::shared_ptr<Variable>> variables;
    for (uint32_t i = 0; i < given.Length(); ++i) variables.push_back(VariableObject::from(given.Get(i)).variable());
    return Environment::of(info.Env())
        .run_on<std::vector<Buffer>>(
            info.Env(), *thread_,
            [variables, device = thread_->device()] {
              std::vector<Buffer> copies;
              for (const std::shared_ptr<Variable>& variable : variables) {
                if (!device->is_host() && !variable->frozen()) variable->bring_to_host(variable->mirror(device));
                copies.push_back(Buffer::allocate(variable->bytes()));
                std::memcpy(copies.back().data, variable->data(), variable->bytes());
              }
              return copies;
            },
            [variables](Napi::Env env, std::vector<Buffer>& copies) -> Napi::Value {
              Napi::Array result = Napi::Array::New(env, copies.size());
              for (size_t i = 0; i < copies.size(); ++i) {
                const Variable& variable = *variables[i];
                result.Set(i, make_typed_array(env, variable.dtype(), copies[i].data, variable.shape().count()));
              }
              return result;
            });
  });
}

// Resolves when everything asked for before has been done.
Napi::Value DeviceObject::close(const Napi::CallbackInfo& info) {
  const Napi::Promise done = Environment::of(info.Env())
                                 .run_on<bool>(
                                     info.Env(), *thread_, [] { return true; },
                                     [thread = thread_](Napi::Env env, bool&) {
                                       Environment::of(env).release(thread);
                                       thread->stop();
                                       return env.Undefined();
                                     });
  thread_->finish();
  return done;
}

}  // namespace lmspt::addon
