#include <cstring>

#include "addon/convert.h"
#include "addon/objects.h"

namespace lmspt::addon {

// ---- MappedFile ----

void MappedFileObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor =
      DefineClass(env, "MappedFile",
                  {InstanceAccessor<&MappedFileObject::size>("size"), InstanceMethod<&MappedFileObject::read>("read")});
  Environment::of(env).mapped_file = Napi::Persistent(constructor);
  exports.Set("MappedFile", constructor);
}

MappedFileObject::MappedFileObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<MappedFileObject>(info) {
  guarded(info, [&] { file_ = MappedFile::open(to_string_argument(info[0], "path")); });
}

Napi::Value MappedFileObject::size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(file_->size()));
}

Napi::Value MappedFileObject::read(const Napi::CallbackInfo& info) {
  return guarded(info, [&]() -> Napi::Value {
    const int64_t begin = info[0].As<Napi::Number>().Int64Value(), end = info[1].As<Napi::Number>().Int64Value();
    if (begin < 0 || end < begin || end > file_->size()) {
      throw Error(ErrorCode::format, "Expected a range inside the file of " + std::to_string(file_->size()) + " bytes");
    }
    Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(info.Env(), end - begin);
    std::memcpy(buffer.Data(), file_->data() + begin, end - begin);
    return Napi::Uint8Array::New(info.Env(), end - begin, buffer, 0);
  });
}

// ---- Variable ----

void VariableObject::define(Napi::Env env, Napi::Object exports) {
  const Napi::Function constructor =
      DefineClass(env, "Variable",
                  {InstanceMethod<&VariableObject::read>("read"), InstanceMethod<&VariableObject::write>("write"),
                   InstanceMethod<&VariableObject::close>("close")});
  Environment::of(env).variable = Napi::Persistent(constructor);
  exports.Set("Variable", constructor);
}

VariableObject::VariableObject(const Napi::CallbackInfo& info) : Napi::ObjectWrap<VariableObject>(info) {
  guarded(info, [&] {
    const DType dtype = to_dtype(info[0]);
    const Shape shape = to_shape(info[1]);
    const int64_t bytes = shape.count() * kElementSize;
    const Napi::Value source = info[2];
    if (source.IsTypedArray()) {
      const void* data = typed_data(source, dtype, shape.count(), "the variable's data");
      Buffer buffer = Buffer::allocate(bytes);
      std::memcpy(buffer.data, data, bytes);
      variable_ = std::make_shared<Variable>(dtype, shape, buffer, info[3].ToBoolean());
      return;
    }
    if (!source.IsObject() || !source.As<Napi::Object>().InstanceOf(Environment::of(info.Env()).mapped_file.Value())) {
      throw Error(ErrorCode::invalid_argument, "Expected a typed array or a MappedFile for the variable's data");
    }
    const std::shared_ptr<MappedFile> file = MappedFileObject::Unwrap(source.As<Napi::Object>())->file();
    const int64_t offset = info[3].As<Napi::Number>().Int64Value();
    if (offset < 0 || offset > file->size() || bytes > file->size() - offset) {
      throw Error(ErrorCode::format, "Expected " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                                         ", but the file has " + std::to_string(file->size()));
    }
    const bool frozen = info[4].ToBoolean();
    const uint8_t* data = file->data() + offset;
    if (frozen && reinterpret_cast<uintptr_t>(data) % alignof(float) == 0) {
      variable_ = std::make_shared<Variable>(dtype, shape, Buffer{const_cast<uint8_t*>(data), file}, frozen);
    } else {
      Buffer buffer = Buffer::allocate(bytes);
      std::memcpy(buffer.data, data, bytes);
      variable_ = std::make_shared<Variable>(dtype, shape, buffer, frozen);
    }
  });
}

VariableObject& VariableObject::from(const Napi::Value& value) {
  if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(Environment::of(value.Env()).variable.Value())) {
    throw Error(ErrorCode::invalid_argument, "Expected a Variable");
  }
  return *Unwrap(value.As<Napi::Object>());
}

Napi::Value VariableObject::read(const Napi::CallbackInfo& info) {
  return guarded(info, [&] {
    return make_typed_array(info.Env(), variable_->dtype(), variable_->data(), variable_->shape().count());
  });
}

void VariableObject::write(const Napi::CallbackInfo& info) {
  guarded(info, [&] {
    if (variable_->frozen()) {
      throw Error(ErrorCode::invalid_argument, "Expected a variable that is not frozen; make it with frozen: false");
    }
    const void* data = typed_data(info[0], variable_->dtype(), variable_->shape().count(), "the variable's data");
    variable_->write(data);
  });
}

void VariableObject::close(const Napi::CallbackInfo&) { variable_->close(); }

}  // namespace lmspt::addon
