// Attributes of an op: a handful of named numbers or number lists, checked against the op's own list when recorded.
#pragma once

#include <cstdint>

#include "device/tensor.h"

namespace lmspt {

enum class AttrKind : int32_t { integer, real, list };

struct AttrValue {
  AttrKind kind = AttrKind::integer;
  int64_t integer = 0;
  double real = 0;
  int32_t length = 0;
  int64_t list[kMaxRank * 2] = {};
};

constexpr int kMaxAttrs = 12;

struct Attrs {
  int32_t count = 0;
  const char* names[kMaxAttrs] = {};
  AttrValue values[kMaxAttrs];

  AttrValue* find(const char* name);  // null where the op has none of that name
  const AttrValue* find(const char* name) const { return const_cast<Attrs*>(this)->find(name); }

  // Look up by name; asking for a name that the op did not declare is a programming error and throws.
  const AttrValue& at(const char* name) const;
  int64_t i(const char* name) const;
  bool b(const char* name) const;
  double f(const char* name) const;
};

}  // namespace lmspt
