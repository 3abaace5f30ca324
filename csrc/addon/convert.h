// Between JavaScript values and those of the engine. Every function checks its argument and throws a typed error.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "graph/op.h"

namespace lmspt::addon {

DType to_dtype(const Napi::Value& value);  // "f32" or "i32"
const char* dtype_name(DType dtype);
Shape to_shape(const Napi::Value& value);
std::vector<ValueId> to_values(const Napi::Value& value);  // null or undefined: an absent optional input
AttrArgs to_attrs(const Napi::Value& value);
std::string to_string_argument(const Napi::Value& value, const char* name);

Napi::Array from_shape(Napi::Env env, const Shape& shape);
Napi::Array from_values(Napi::Env env, const std::vector<ValueId>& values);

// The bytes of a Float32Array or Int32Array of the given type and element count.
const void* typed_data(const Napi::Value& value, DType dtype, int64_t count, const std::string& name);
Napi::Value make_typed_array(Napi::Env env, DType dtype, const void* data, int64_t count);

}  // namespace lmspt::addon
