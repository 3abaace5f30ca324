#include "addon/convert.h"
#include "addon/objects.h"

namespace lmspt::addon {

void PlanObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor =
      DefineClass(env, "Plan",
                  {InstanceMethod<&PlanObject::run>("run"), InstanceMethod<&PlanObject::trace>("trace"),
                   InstanceMethod<&PlanObject::close>("close"), InstanceAccessor<&PlanObject::ports>("ports"),
                   InstanceAccessor<&PlanObject::memory>("memory")});
  Environment::of(env).plan = Napi::Persistent(constructor);
  exports.Set("Plan", constructor);
}

PlanObject::PlanObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<PlanObject>(info) {
  guarded(info, [&] {
    if (!info[0].IsExternal()) throw Error(ErrorCode::invalid_argument, "Plans are made by Graph.compile");
    handle_ = *info[0].As<Napi::External<Handle>>().Data();
  });
}

PlanObject::~PlanObject() { give_back(); }
void PlanObject::close(const Napi::CallbackInfo&) { give_back(); }

// A plan's memory belongs to the device's thread, so it is given back there.
void PlanObject::give_back() {
  if (handle_.plan) handle_.thread->let_go(std::move(handle_.plan));
}

const std::shared_ptr<Plan>& PlanObject::plan() const {
  if (!handle_.plan) throw Error(ErrorCode::closed, "The plan is closed; compile it again");
  return handle_.plan;
}

namespace {

Napi::Array ports_to_array(Napi::Env env, const std::vector<Plan::Port>& ports) {
  Napi::Array array = Napi::Array::New(env, ports.size());
  for (size_t i = 0; i < ports.size(); ++i) {
    Napi::Object port = Napi::Object::New(env);
    port.Set("name", ports[i].name);
    port.Set("dtype", dtype_name(ports[i].dtype));
    port.Set("shape", from_shape(env, ports[i].shape));
    array.Set(i, port);
  }
  return array;
}

struct Run {
  std::vector<Buffer> outputs;
  std::vector<TraceEntry> trace;
};

Napi::Value outputs_to_array(Napi::Env env, const std::vector<Plan::Port>& ports, const Run& run) {
  Napi::Array array = Napi::Array::New(env, run.outputs.size());
  for (size_t i = 0; i < run.outputs.size(); ++i) {
    array.Set(i, make_typed_array(env, ports[i].dtype, run.outputs[i].data, ports[i].shape.count()));
  }
  return array;
}

Napi::Value trace_to_array(Napi::Env env, const std::vector<TraceEntry>& trace) {
  Napi::Array array = Napi::Array::New(env, trace.size());
  for (size_t i = 0; i < trace.size(); ++i) {
    Napi::Object entry = Napi::Object::New(env);
    entry.Set("op", trace[i].op);
    entry.Set("shape", trace[i].shape);
    entry.Set("milliseconds", trace[i].milliseconds);
    entry.Set("minimum", trace[i].minimum);
    entry.Set("maximum", trace[i].maximum);
    entry.Set("finite", trace[i].finite);
    array.Set(i, entry);
  }
  return array;
}

}  // namespace

Napi::Value PlanObject::ports(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("inputs", ports_to_array(info.Env(), plan()->inputs()));
    result.Set("outputs", ports_to_array(info.Env(), plan()->outputs()));
    return result;
  });
}

Napi::Value PlanObject::memory(const Napi::CallbackInfo& info) {
  return guarded(info, [&] { return Napi::Number::New(info.Env(), static_cast<double>(plan()->arena_bytes())); });
}

Napi::Value PlanObject::run(const Napi::CallbackInfo& info) { return start(info, false); }
Napi::Value PlanObject::trace(const Napi::CallbackInfo& info) { return start(info, true); }

Napi::Value PlanObject::start(const Napi::CallbackInfo& info, bool traced) {
  return guarded(info, [&]() -> Napi::Value {
    const std::shared_ptr<Plan> plan = this->plan();
    const size_t count = plan->inputs().size();
    if (!info[0].IsArray() || info[0].As<Napi::Array>().Length() != count) {
      throw Error(ErrorCode::invalid_argument, "Expected an array of " + std::to_string(count) + " inputs");
    }
    const Napi::Array given = info[0].As<Napi::Array>();
    auto inputs = std::make_shared<std::vector<Buffer>>();
    for (size_t i = 0; i < count; ++i) {
      const Plan::Port& port = plan->inputs()[i];
      const void* data = typed_data(given.Get(i), port.dtype, port.shape.count(), "the input " + port.name);
      inputs->push_back(Buffer::allocate(port.bytes()));
      std::memcpy(inputs->back().data, data, port.bytes());
    }
    return Environment::of(info.Env())
        .run_in_parts_on<Run>(
            info.Env(), *handle_.thread,
            [plan, inputs, traced](Run& run) {
              std::vector<const void*> sources;
              std::vector<void*> targets;
              for (const Buffer& input : *inputs) sources.push_back(input.data);
              for (const Plan::Port& port : plan->outputs()) {
                run.outputs.push_back(Buffer::allocate(port.bytes()));
                targets.push_back(run.outputs.back().data);
              }
              return plan->start(sources, targets, traced ? &run.trace : nullptr);
            },
            [plan](Run&) { plan->finish(); },
            [ports = plan->outputs(), traced](Napi::Env env, Run& run) -> Napi::Value {
              const Napi::Value outputs = outputs_to_array(env, ports, run);
              if (!traced) return outputs;
              Napi::Object result = Napi::Object::New(env);
              result.Set("outputs", outputs);
              result.Set("steps", trace_to_array(env, run.trace));
              return result;
            });
  });
}

}  // namespace lmspt::addon
