#include "device/attrs.h"

#include <cstring>
#include <string>

#include "device/error.h"

namespace lmspt {

AttrValue* Attrs::find(const char* name) {
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(names[i], name) == 0) return &values[i];
  }
  return nullptr;
}

const AttrValue& Attrs::at(const char* name) const {
  if (const AttrValue* value = find(name)) return *value;
  throw Error(ErrorCode::invalid_argument, std::string("no attribute is named ") + name);
}

int64_t Attrs::i(const char* name) const { return at(name).integer; }
bool Attrs::b(const char* name) const { return at(name).integer != 0; }
double Attrs::f(const char* name) const { return at(name).real; }

}  // namespace lmspt
