#include "graph/registry.h"

#include "device/error.h"

namespace lmspt {

#define LMSPT_CUDA_FAMILY(family)
#define LMSPT_OP_FAMILY(family) void register_##family(Registry&);
#include "ops/families.def"
#undef LMSPT_OP_FAMILY

#define LMSPT_OP_FAMILY(family) void register_##family##_cpu(KernelTable&);
namespace portable {
#include "ops/families.def"
}
#if defined(__x86_64__)
namespace avx2 {
#include "ops/families.def"
}
namespace avx512 {
#include "ops/families.def"
}
#endif
#undef LMSPT_OP_FAMILY

namespace {

class MapTable final : public KernelTable {
 public:
  explicit MapTable(std::map<std::string, Kernel>& kernels) : kernels_(kernels) {}
  void add(const char* op, Kernel kernel) override { kernels_[op] = kernel; }

 private:
  std::map<std::string, Kernel>& kernels_;
};

}  // namespace

const Registry& Registry::get() {
  static const Registry registry;
  return registry;
}

Registry::Registry() {
#define LMSPT_OP_FAMILY(family) register_##family(*this);
#include "ops/families.def"
#undef LMSPT_OP_FAMILY

#define LMSPT_OP_FAMILY(family) portable::register_##family##_cpu(table);
  {
    MapTable table(cpu_kernels_[Isa::portable]);
#include "ops/families.def"
  }
#undef LMSPT_OP_FAMILY
#if defined(__x86_64__)
#define LMSPT_OP_FAMILY(family) avx2::register_##family##_cpu(table);
  {
    MapTable table(cpu_kernels_[Isa::avx2]);
#include "ops/families.def"
  }
#undef LMSPT_OP_FAMILY
#define LMSPT_OP_FAMILY(family) avx512::register_##family##_cpu(table);
  {
    MapTable table(cpu_kernels_[Isa::avx512]);
#include "ops/families.def"
  }
#undef LMSPT_OP_FAMILY
#endif
}

void Registry::add(OpDef op) { ops_[op.name] = std::move(op); }

const OpDef& Registry::op(const std::string& name) const {
  const auto found = ops_.find(name);
  if (found == ops_.end()) throw Error(ErrorCode::invalid_argument, "No op is named \"" + name + "\"");
  return found->second;
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> names;
  for (const auto& [name, op] : ops_) names.push_back(name);
  return names;
}

Kernel Registry::cpu_kernel(Isa isa, const std::string& op) const {
  const auto table = cpu_kernels_.find(kernel_isa(isa));
  if (table == cpu_kernels_.end()) return nullptr;
  const auto found = table->second.find(op);
  return found == table->second.end() ? nullptr : found->second;
}

}  // namespace lmspt
