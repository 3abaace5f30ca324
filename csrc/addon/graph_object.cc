#include "addon/convert.h"
#include "addon/objects.h"
#include "graph/precision.h"
#include "graph/serialize.h"

namespace lmspt::addon {

std::vector<NamedValue> to_named_values(const Napi::Value& value) {
  if (!value.IsArray()) throw Error(ErrorCode::invalid_argument, "Expected a list of named values");
  const Napi::Array array = value.As<Napi::Array>();
  std::vector<NamedValue> values;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Array pair = array.Get(i).As<Napi::Array>();
    values.push_back({to_string_argument(pair.Get(uint32_t{0}), "an output's name"),
                      pair.Get(uint32_t{1}).As<Napi::Number>().Int32Value()});
  }
  return values;
}

namespace {

// "fp32" where nothing is said.
Precision to_precision(const Napi::Value& value) {
  return value.IsUndefined() ? Precision::fp32 : precision_from_name(to_string_argument(value, "precision"));
}

}  // namespace

void GraphObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor = DefineClass(
      env, "Graph",
      {InstanceMethod<&GraphObject::input>("input"), InstanceMethod<&GraphObject::variable>("variable"),
       InstanceMethod<&GraphObject::constant>("constant"), InstanceMethod<&GraphObject::apply>("apply"),
       InstanceMethod<&GraphObject::describe>("describe"), InstanceMethod<&GraphObject::gradients>("gradients"),
       InstanceMethod<&GraphObject::begin_segment>("beginSegment"),
       InstanceMethod<&GraphObject::end_segment>("endSegment"), InstanceMethod<&GraphObject::compile>("compile"),
       InstanceMethod<&GraphObject::serialize>("serialize"), InstanceMethod<&GraphObject::close>("close")});
  Environment::of(env).graph = Napi::Persistent(constructor);
  exports.Set("Graph", constructor);
}

GraphObject::GraphObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<GraphObject>(info) {}

Napi::Value GraphObject::input(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const ValueId id =
        graph_.input(to_string_argument(info[0], "the input's name"), to_dtype(info[1]), to_shape(info[2]));
    return Napi::Number::New(info.Env(), id);
  });
}

Napi::Value GraphObject::variable(const Napi::CallbackInfo& info) {
  return guarded(
      info, [&] { return Napi::Number::New(info.Env(), graph_.variable(VariableObject::from(info[0]).variable())); });
}

Napi::Value GraphObject::constant(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const DType dtype = to_dtype(info[0]);
    const Shape shape = to_shape(info[1]);
    const void* data = typed_data(info[2], dtype, shape.count(), "the constant");
    return Napi::Number::New(info.Env(), graph_.constant(dtype, shape, data));
  });
}

Napi::Value GraphObject::apply(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    return from_values(info.Env(),
                       graph_.apply(to_string_argument(info[0], "the op"), to_values(info[1]), to_attrs(info[2])));
  });
}

Napi::Value GraphObject::describe(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const lmspt::Value& value = graph_.value(info[0].As<Napi::Number>().Int32Value());
    Napi::Object result = Napi::Object::New(info.Env());
    result.Set("dtype", dtype_name(value.dtype));
    result.Set("shape", from_shape(info.Env(), value.shape));
    return result;
  });
}

void GraphObject::begin_segment(const Napi::CallbackInfo&) { graph_.begin_segment(); }

Napi::Value GraphObject::end_segment(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    graph_.end_segment();
    return info.Env().Undefined();
  });
}

Napi::Value GraphObject::gradients(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    return from_values(info.Env(), graph_.gradients(to_values(info[0]), to_values(info[1]), to_values(info[2])));
  });
}

std::vector<Update> GraphObject::to_updates(const Napi::Value& value) {
  std::vector<Update> updates;
  if (!value.IsArray()) return updates;
  const Napi::Array array = value.As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Array pair = array.Get(i).As<Napi::Array>();
    const ValueId variable = graph_.variable(VariableObject::from(pair.Get(uint32_t{0})).variable());
    const ValueId updated = pair.Get(uint32_t{1}).As<Napi::Number>().Int32Value();
    graph_.value(updated);
    updates.push_back({variable, updated});
  }
  return updates;
}

Napi::Value GraphObject::compile(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    const std::shared_ptr<DeviceThread> thread = DeviceObject::from(info[0]).thread();
    auto program = std::make_shared<Program>(lower(graph_, to_named_values(info[1]), to_updates(info[2])));
    set_precision(*program, to_precision(info[3]));
    return Environment::of(info.Env())
        .run_on<PlanObject::Handle>(
            info.Env(), *thread,
            [program, thread_reference = std::weak_ptr(thread), device = thread->device()] {
              return PlanObject::Handle{std::make_shared<Plan>(std::move(*program), device), thread_reference.lock()};
            },
            [](Napi::Env env, PlanObject::Handle& handle) -> Napi::Value {
              return Environment::of(env).plan.New({Napi::External<PlanObject::Handle>::New(env, &handle)});
            });
  });
}

Napi::Value GraphObject::serialize(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    PlanFile file;
    file.program = lower(graph_, to_named_values(info[0]));
    set_precision(file.program, to_precision(info[2]));
    if (info[1].IsArray()) {
      const Napi::Array samples = info[1].As<Napi::Array>();
      for (uint32_t i = 0; i < samples.Length(); ++i) {
        const Napi::Object sample = samples.Get(i).As<Napi::Object>();
        const ValueId id = sample.Get("value").As<Napi::Number>().Int32Value();
        const lmspt::Value& value = graph_.value(id);
        const int64_t count = value.shape.count();
        const float* data = static_cast<const float*>(typed_data(sample.Get("data"), value.dtype, count, "a sample"));
        file.samples.push_back(
            {id, sample.Get("tolerance").As<Napi::Number>().DoubleValue(), std::vector<float>(data, data + count)});
      }
    }
    const std::string bytes = serialize_plan(file);
    return Napi::Buffer<char>::Copy(info.Env(), bytes.data(), bytes.size());
  });
}

void GraphObject::close(const Napi::CallbackInfo&) { graph_ = {}; }

}  // namespace lmspt::addon
