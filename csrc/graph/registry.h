// All ops and, per device variant, all kernels. The list of op families is csrc/ops/families.def.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "device/cpu/isa.h"
#include "graph/op.h"

namespace lmspt {

class Registry {
 public:
  static const Registry& get();

  const OpDef& op(const std::string& name) const;  // throws for an unknown name
  std::vector<std::string> names() const;
  Kernel cpu_kernel(Isa isa, const std::string& op) const;  // null where there is none

  void add(OpDef op);

 private:
  Registry();
  std::map<std::string, OpDef> ops_;
  std::map<Isa, std::map<std::string, Kernel>> cpu_kernels_;
};

}  // namespace lmspt
