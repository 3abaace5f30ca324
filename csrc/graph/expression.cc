#include "graph/expression.h"

#include <cstdio>

namespace lmspt {

std::string expression_of(const OpDef& op, const Attrs& attrs) {
  std::string text = op.name + "(";
  for (int i = 0; i < attrs.count; ++i) {
    const AttrValue& value = attrs.values[i];
    text += std::string(attrs.names[i]) + "=";
    if (value.kind == AttrKind::integer) {
      text += std::to_string(value.integer);
    } else if (value.kind == AttrKind::real) {
      char digits[40];
      std::snprintf(digits, sizeof digits, "%a", value.real);
      text += digits;
    } else {
      for (int item = 0; item < value.length; ++item) text += std::to_string(value.list[item]) + ":";
    }
    text += ",";
  }
  return text + ")";
}

}  // namespace lmspt
