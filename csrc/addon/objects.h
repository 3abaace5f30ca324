// The classes that lib/graph/native.ts wraps. Each is a thin shell around an object of the core.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/environment.h"
#include "graph/device_thread.h"
#include "graph/graph.h"
#include "graph/mapped_file.h"
#include "graph/plan.h"
#include "graph/variable.h"

namespace lmspt::addon {

// new Device({ kind: "cpu", threads, variant } | { kind: "cuda", library, index })
class DeviceObject : public Napi::ObjectWrap<DeviceObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit DeviceObject(const Napi::CallbackInfo& info);
  ~DeviceObject() override;
  static DeviceObject& from(const Napi::Value& value);

  const std::shared_ptr<DeviceThread>& thread() const { return thread_; }

 private:
  Napi::Value kind(const Napi::CallbackInfo& info);
  Napi::Value description(const Napi::CallbackInfo& info);
  Napi::Value arithmetic(const Napi::CallbackInfo& info);  // (precision) -> string, or undefined where it has none such
  Napi::Value read(const Napi::CallbackInfo& info);        // ([Variable, ...]) -> Promise<typedArray[]>
  Napi::Value close(const Napi::CallbackInfo& info);

  std::shared_ptr<DeviceThread> thread_;
};

// new Variable(dtype, shape, typedArray, frozen) | new Variable(dtype, shape, mappedFile, byteOffset, frozen)
class VariableObject : public Napi::ObjectWrap<VariableObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit VariableObject(const Napi::CallbackInfo& info);
  static VariableObject& from(const Napi::Value& value);

  const std::shared_ptr<Variable>& variable() const { return variable_; }

 private:
  Napi::Value read(const Napi::CallbackInfo& info);
  void write(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);  // gives the memory back once no plan uses it

  std::shared_ptr<Variable> variable_;
};

// new MappedFile(path)
class MappedFileObject : public Napi::ObjectWrap<MappedFileObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit MappedFileObject(const Napi::CallbackInfo& info);

  const std::shared_ptr<MappedFile>& file() const { return file_; }

 private:
  Napi::Value size(const Napi::CallbackInfo& info);
  Napi::Value read(const Napi::CallbackInfo& info);

  std::shared_ptr<MappedFile> file_;
};

// new Graph(); values are numbers
class GraphObject : public Napi::ObjectWrap<GraphObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit GraphObject(const Napi::CallbackInfo& info);

 private:
  Napi::Value input(const Napi::CallbackInfo& info);     // (name, dtype, shape)
  Napi::Value variable(const Napi::CallbackInfo& info);  // (Variable)
  Napi::Value constant(const Napi::CallbackInfo& info);  // (dtype, shape, typedArray)
  Napi::Value apply(const Napi::CallbackInfo& info);     // (op, values, attributes)
  Napi::Value describe(const Napi::CallbackInfo& info);  // (value) -> { dtype, shape }
  void begin_segment(const Napi::CallbackInfo& info);
  Napi::Value end_segment(const Napi::CallbackInfo& info);
  Napi::Value gradients(const Napi::CallbackInfo& info);  // (outputs, seeds, wrt)
  Napi::Value compile(
      const Napi::CallbackInfo& info);  // (Device, [[name, value], ...], updates, precision) -> Promise<Plan>
  Napi::Value serialize(const Napi::CallbackInfo& info);  // ([[name, value], ...], samples, precision) -> Uint8Array
  void close(const Napi::CallbackInfo& info);

  std::vector<Update> to_updates(const Napi::Value& value);  // [[Variable, value], ...] or undefined

  Graph graph_;
};

// Made by Graph.compile
class PlanObject : public Napi::ObjectWrap<PlanObject> {
 public:
  static void define(Napi::Env env, Napi::Object exports);
  explicit PlanObject(const Napi::CallbackInfo& info);
  ~PlanObject() override;

  struct Handle {
    std::shared_ptr<Plan> plan;
    std::shared_ptr<DeviceThread> thread;
  };

 private:
  Napi::Value run(const Napi::CallbackInfo& info);    // ([typedArray, ...]) -> Promise<typedArray[]>
  Napi::Value trace(const Napi::CallbackInfo& info);  // the same, resolves to { outputs, steps }
  Napi::Value ports(const Napi::CallbackInfo& info);  // { inputs: [{ name, dtype, shape }], outputs: [...] }
  Napi::Value memory(const Napi::CallbackInfo& info);
  void close(const Napi::CallbackInfo& info);  // gives the memory back once nothing under way uses it
  void give_back();
  const std::shared_ptr<Plan>& plan() const;  // throws when closed
  Napi::Value start(const Napi::CallbackInfo& info, bool traced);

  Handle handle_;
};

std::vector<NamedValue> to_named_values(const Napi::Value& value);

}  // namespace lmspt::addon
