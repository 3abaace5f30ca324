#include "device/attrs.h"

#include <cstring>
#include <string>

#include "device/error.h"

namespace lmspt {

const AttrValue& Attrs::at(const char* name) const {
  for (int i = 0; i < count; ++i) {
    if (std::strcmp(names[i], name) == 0) return values[i];
  }
  throw Error(ErrorCode::invalid_argument, std::string("no attribute is named ") + name);
}

int64_t Attrs::i(const char* name) const { return at(name).integer; }
bool Attrs::b(const char* name) const { return at(name).integer != 0; }
double Attrs::f(const char* name) const { return at(name).real; }

}  // namespace lmspt
