#include "addon/convert.h"

#include <cmath>
#include <cstring>

#include "device/error.h"

namespace lmspt::addon {

namespace {

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorCode::invalid_argument, message); }

std::string describe(const Napi::Value& value) {
  if (value.IsString()) return '"' + value.As<Napi::String>().Utf8Value() + '"';
  if (value.IsNumber() || value.IsBoolean() || value.IsNull() || value.IsUndefined()) return value.ToString();
  if (value.IsArray()) return "an array of " + std::to_string(value.As<Napi::Array>().Length());
  if (value.IsTypedArray()) return "a typed array of another type";
  if (value.IsFunction()) return "a function";
  return value.IsObject() ? "an object" : "a symbol or a bigint";
}

[[noreturn]] void refuse(const std::string& expected, const std::string& what, const Napi::Value& received) {
  refuse("Expected " + expected + " for " + what + " but received " + describe(received));
}

int64_t to_integer(const Napi::Value& value, const char* what) {
  if (!value.IsNumber()) refuse("a number", what, value);
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(std::abs(number) <= 9007199254740991.0) || number != std::floor(number)) {
    refuse(std::string("Expected an integer for ") + what + " but received " + std::to_string(number));
  }
  return static_cast<int64_t>(number);
}

Napi::Array to_array(const Napi::Value& value, const char* what) {
  if (!value.IsArray()) refuse("an array", what, value);
  return value.As<Napi::Array>();
}

AttrArg to_attr(const std::string& name, const Napi::Value& value) {
  AttrValue result;
  if (value.IsBoolean()) {
    result.integer = value.As<Napi::Boolean>().Value();
  } else if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (number == std::floor(number) && std::abs(number) <= 9007199254740991.0) {
      result.integer = static_cast<int64_t>(number);
    } else {
      result.kind = AttrKind::real;
      result.real = number;
    }
  } else if (value.IsArray()) {
    const Napi::Array array = value.As<Napi::Array>();
    std::vector<int64_t> list;
    for (uint32_t i = 0; i < array.Length(); ++i) list.push_back(to_integer(array.Get(i), name.c_str()));
    result = AttrArg("list", list).value;
  } else {
    refuse("a number, a boolean or a list of integers", "the attribute " + name, value);
  }
  return {name, result};
}

}  // namespace

DType to_dtype(const Napi::Value& value) {
  const std::string name = value.IsString() ? value.As<Napi::String>().Utf8Value() : "";
  if (name == "f32") return DType::f32;
  if (name == "i32") return DType::i32;
  refuse("\"f32\" or \"i32\"", "the element type", value);
}

const char* dtype_name(DType dtype) { return dtype == DType::f32 ? "f32" : "i32"; }

Shape to_shape(const Napi::Value& value) {
  const Napi::Array array = to_array(value, "the shape");
  if (array.Length() > kMaxRank) refuse("Expected a shape of at most 6 dimensions");
  Shape shape;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const int64_t dim = to_integer(array.Get(i), "a dimension");
    if (dim < 0) refuse("Expected dimensions of at least 0");
    shape.dims[shape.rank++] = dim;
  }
  check_countable("shape", shape);
  return shape;
}

std::vector<ValueId> to_values(const Napi::Value& value) {
  const Napi::Array array = to_array(value, "the values");
  std::vector<ValueId> values;
  for (uint32_t i = 0; i < array.Length(); ++i) {
    const Napi::Value item = array.Get(i);
    const bool absent = item.IsNull() || item.IsUndefined();
    values.push_back(absent ? kNoValue : static_cast<ValueId>(to_integer(item, "a value")));
  }
  return values;
}

AttrArgs to_attrs(const Napi::Value& value) {
  AttrArgs attrs;
  if (value.IsUndefined()) return attrs;
  if (!value.IsObject()) refuse("an object", "the attributes", value);
  const Napi::Object object = value.As<Napi::Object>();
  const Napi::Array names = object.GetPropertyNames();
  for (uint32_t i = 0; i < names.Length(); ++i) {
    const std::string name = names.Get(i).As<Napi::String>().Utf8Value();
    const Napi::Value item = object.Get(name);
    if (!item.IsUndefined()) attrs.push_back(to_attr(name, item));
  }
  return attrs;
}

std::string to_string_argument(const Napi::Value& value, const char* name) {
  if (!value.IsString()) refuse("a string", name, value);
  return value.As<Napi::String>().Utf8Value();
}

Napi::Array from_shape(Napi::Env env, const Shape& shape) {
  Napi::Array array = Napi::Array::New(env, shape.rank);
  for (int i = 0; i < shape.rank; ++i) array.Set(i, Napi::Number::New(env, static_cast<double>(shape[i])));
  return array;
}

Napi::Array from_values(Napi::Env env, const std::vector<ValueId>& values) {
  Napi::Array array = Napi::Array::New(env, values.size());
  for (size_t i = 0; i < values.size(); ++i) array.Set(i, Napi::Number::New(env, values[i]));
  return array;
}

const void* typed_data(const Napi::Value& value, DType dtype, int64_t count, const std::string& name) {
  const napi_typedarray_type wanted = dtype == DType::f32 ? napi_float32_array : napi_int32_array;
  const std::string expected = dtype == DType::f32 ? "a Float32Array" : "an Int32Array";
  if (!value.IsTypedArray() || value.As<Napi::TypedArray>().TypedArrayType() != wanted) {
    refuse(expected, name, value);
  }
  const Napi::TypedArray array = value.As<Napi::TypedArray>();
  if (!array.ArrayBuffer().IsArrayBuffer()) {
    refuse("Expected " + expected + " of this thread alone for " + name +
           " but received one on a SharedArrayBuffer; pass a copy, such as slice() makes");
  }
  if (static_cast<int64_t>(array.ElementLength()) != count) {
    refuse("Expected " + expected + " of " + std::to_string(count) + " elements for " + name + " but received " +
           std::to_string(array.ElementLength()));
  }
  return static_cast<const char*>(array.ArrayBuffer().Data()) + array.ByteOffset();
}

Napi::Value make_typed_array(Napi::Env env, DType dtype, const void* data, int64_t count) {
  Napi::ArrayBuffer buffer = Napi::ArrayBuffer::New(env, count * kElementSize);
  std::memcpy(buffer.Data(), data, count * kElementSize);
  if (dtype == DType::f32) return Napi::Float32Array::New(env, count, buffer, 0);
  return Napi::Int32Array::New(env, count, buffer, 0);
}

}  // namespace lmspt::addon
