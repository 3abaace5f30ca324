#include "graph/plan.h"

#include <algorithm>
#include <bit>
#include <chrono>
#include <cmath>
#include <limits>

#include "device/setting.h"
#include "graph/expression.h"
#include "graph/memory_plan.h"
#include "graph/storage.h"

namespace lmspt {

Plan::Plan(Program program, std::shared_ptr<Device> device) : device_(std::move(device)) {
  straighten_convolutions(program, *device_);
  resolve_precision(program, *device_);
  fuse(program, *device_);
  insert_packing(program);
  insert_updates(program);
  choose_storage(program, *device_);
  fixed_.resize(program.values.size());
  offsets_.assign(program.values.size(), -1);
  load_sources(program);
  for (size_t id = 0; id < program.values.size(); ++id) {
    if (program.stored_in[id] != kNoValue) fixed_[id] = fixed_[program.stored_in[id]];
  }
  for (const Update& update : program.updates) updated_.push_back(program.sources[update.variable].variable);
  const std::vector<Step> steps = fold(program);
  const std::vector<Fork> forks = choose_forks(program, steps);
  place(program, steps, forks);
  bind_all(program, steps, forks);
  for (const NamedValue& output : program.outputs) {
    outputs_.push_back({output.name, program.values[output.value].dtype, program.values[output.value].shape});
    output_values_.push_back(output.value);
  }
  device_->settle();
  session_ = device_->session();
}

Buffer Plan::device_buffer(int64_t bytes) {
  if (device_->is_host()) return Buffer::allocate(bytes);
  void* memory = device_->allocate(bytes == 0 ? 64 : bytes);
  return {memory, std::shared_ptr<void>(memory, [device = device_](void* p) { device->release(p); })};
}

// Variables and constants where kernels can read them.
void Plan::load_sources(const Program& program) {
  for (ValueId id = 0; id < static_cast<ValueId>(program.sources.size()); ++id) {
    const Program::Source& source = program.sources[id];
    const int64_t bytes = program.values[id].bytes();
    if (source.kind == NodeKind::input) {
      inputs_.push_back({source.name, program.values[id].dtype, program.values[id].shape});
      input_values_.push_back(id);
    } else if (source.kind == NodeKind::constant) {
      fixed_[id] = source.constant;
      if (!device_->is_host()) {
        fixed_[id] = device_buffer(bytes);
        device_->upload(fixed_[id].data, source.constant.data, bytes);
      }
    } else if (source.kind == NodeKind::variable) {
      Variable& variable = *source.variable;
      if (!variable.buffer().data) throw Error(ErrorCode::closed, "Expected a variable that is not closed");
      if (!variable.frozen()) changing_.push_back(source.variable);
      if (device_->is_host()) {
        fixed_[id] = variable.buffer();
        continue;
      }
      if (!variable.frozen()) {
        fixed_[id] = variable.mirror(device_).memory;
        continue;
      }
      std::lock_guard lock(variable.prepared().mutex);
      Buffer& mirror = variable.prepared().by_expression["device " + std::to_string(device_->id())];
      if (!mirror.data) {
        mirror = device_buffer(bytes);
        device_->upload(mirror.data, variable.data(), bytes);
      }
      fixed_[id] = mirror;
    }
  }
}

// What is known before any run: computed by `step` from frozen variables and constants alone, or one of these itself.
struct Plan::Known {
  const Step* step = nullptr;
  std::string expression;  // equal for equal computations; empty where a constant takes part, whose data has no name
  std::shared_ptr<Variable> keeper;
};

// Sets apart the steps that depend on frozen variables and constants alone and computes those of their results that the
// others read. Returns the others.
std::vector<Step> Plan::fold(const Program& program) {
  std::vector<std::optional<Known>> known(program.values.size());
  for (ValueId id = 0; id < static_cast<ValueId>(program.sources.size()); ++id) {
    const Program::Source& source = program.sources[id];
    if (source.kind == NodeKind::constant) known[id] = Known{};
    if (source.kind == NodeKind::variable && source.variable->frozen()) {
      known[id] = Known{nullptr, "v" + std::to_string(source.variable->id()), source.variable};
    }
  }
  std::vector<Step> rest;
  for (const Step& step : program.steps) {
    const bool foldable = std::all_of(step.inputs.begin(), step.inputs.end(),
                                      [&](ValueId id) { return id == kNoValue || known[id].has_value(); });
    if (foldable && step.outputs.size() == 1 && !program.is_stored(step)) {
      known[step.outputs[0]] = describe(step, program, known);
    } else {
      rest.push_back(step);
    }
  }
  const auto keep = [&](ValueId id) {
    if (id != kNoValue && known[id] && known[id]->step) fixed_[id] = prepare(id, program, known, true);
  };
  for (const Step& step : rest) {
    for (ValueId id : step.inputs) keep(id);
  }
  for (const NamedValue& output : program.outputs) keep(output.value);
  return rest;
}

Plan::Known Plan::describe(const Step& step, const Program& program,
                           const std::vector<std::optional<Known>>& known) const {
  Known result{&step, expression_of(*step.op, step.attrs) + "@" + std::to_string(device_->id()), nullptr};
  if (program.values[step.outputs[0]].dtype == DType::bf16) result.expression += " in bf16";
  bool named = true;
  for (ValueId id : step.inputs) {
    result.expression += "<" + (id == kNoValue ? "" : known[id]->expression) + ">";
    if (id == kNoValue) continue;
    named &= !known[id]->expression.empty();
    if (!result.keeper) result.keeper = known[id]->keeper;
  }
  if (!named) result.expression.clear();
  return result;
}

// The value's memory: found with the variable that keeps it, or computed, with what it needs held only meanwhile. With
// `keep`, it stays with that variable, so that plans of other shapes find it.
Buffer Plan::prepare(ValueId id, const Program& program, const std::vector<std::optional<Known>>& known, bool keep) {
  if (fixed_[id].data) return fixed_[id];
  const Step& step = *known[id]->step;
  if (step.op->is_view) return prepare(step.inputs[0], program, known, keep);
  Variable* keeper = known[id]->expression.empty() ? nullptr : known[id]->keeper.get();
  if (keeper) {
    std::lock_guard lock(keeper->prepared().mutex);
    const auto found = keeper->prepared().by_expression.find(known[id]->expression);
    if (found != keeper->prepared().by_expression.end()) return found->second;
  }
  std::vector<ValueId> borrowed;
  for (ValueId input : step.inputs) {
    if (input == kNoValue || fixed_[input].data) continue;
    fixed_[input] = prepare(input, program, known, false);
    borrowed.push_back(input);
  }
  Buffer result = device_buffer(program.values[id].bytes());
  BoundStep bound = bind(step, program);
  bound.outputs[0].data = result.data;
  execute(bound, nullptr, device_->context());
  for (ValueId input : borrowed) fixed_[input] = {};
  if (keeper && keep) {
    std::lock_guard lock(keeper->prepared().mutex);
    keeper->prepared().by_expression[known[id]->expression] = result;
  }
  return result;
}

// None where runs would order themselves by variables. LMSPT_CUDA_FORKS=0 switches them off.
std::vector<Fork> Plan::choose_forks(const Program& program, const std::vector<Step>& steps) const {
  if (device_->is_host() || !program.updates.empty() || is_switched_off("LMSPT_CUDA_FORKS")) return {};
  return find_forks(program, steps);
}

void Plan::bind_all(const Program& program, const std::vector<Step>& steps, const std::vector<Fork>& forks) {
  std::vector<int> bound;  // by step: those before it that are no views
  for (const Step& step : steps) {
    bound.push_back(static_cast<int>(steps_.size()));
    if (!step.op->is_view) steps_.push_back(bind(step, program));
  }
  bound.push_back(static_cast<int>(steps_.size()));
  for (const Fork& fork : forks) forks_.push_back({bound[fork.first], bound[fork.second], bound[fork.end]});
}

// Gives every value that steps make, and every graph input, its place in the arena. A view shares its source's place.
// What a fork reads of what is made elsewhere stays until its end, since its runs are in no order.
void Plan::place(const Program& program, const std::vector<Step>& steps, const std::vector<Fork>& forks) {
  const int end = static_cast<int>(steps.size());
  const std::vector<ValueId> root = program.roots();
  for (const Step& step : steps) {
    if (step.op->is_view) fixed_[step.outputs[0]] = fixed_[root[step.inputs[0]]];
  }
  std::vector<Lifetime> lifetimes;
  std::vector<int> lifetime_of(program.values.size(), -1);
  const auto fork_of = [&](int step) {
    return std::find_if(forks.begin(), forks.end(), [&](const Fork& fork) { return fork.holds(step); });
  };
  const auto begin = [&](ValueId id, int step) {
    if (fixed_[id].data || root[id] != id) return;
    lifetime_of[id] = static_cast<int>(lifetimes.size());
    const auto fork = fork_of(step);
    const int run = fork == forks.end() ? 0 : 2 * static_cast<int>(fork - forks.begin()) + 1 + fork->is_aside(step);
    lifetimes.push_back({program.values[id].bytes(), step, step, run});
  };
  const auto use = [&](ValueId id, int step) {
    if (id == kNoValue || lifetime_of[root[id]] < 0) return;
    Lifetime& lifetime = lifetimes[lifetime_of[root[id]]];
    const auto fork = fork_of(step);
    const bool comes_from_elsewhere = fork != forks.end() && !fork->holds(lifetime.first);
    lifetime.last = std::max(lifetime.last, comes_from_elsewhere ? fork->end - 1 : step);
  };
  for (ValueId id : input_values_) begin(id, -1);
  for (int index = 0; index < end; ++index) {
    for (ValueId id : steps[index].outputs) begin(id, index);
    for (ValueId id : steps[index].inputs) use(id, index);
  }
  for (const NamedValue& output : program.outputs) use(output.value, end);
  arena_bytes_ = plan_memory(lifetimes);
  for (size_t id = 0; id < root.size(); ++id) {
    const int lifetime = lifetime_of[root[id]];
    if (lifetime >= 0) offsets_[id] = lifetimes[lifetime].offset;
  }
}

Plan::BoundStep Plan::bind(const Step& step, const Program& program) const {
  BoundStep bound;
  bound.op = step.op;
  bound.attrs = step.attrs;
  bound.kernel = device_->kernel(step.op->name.c_str());
  if (!bound.kernel) {
    throw Error(ErrorCode::unsupported,
                "[" + step.op->name + "] has no kernel for " + device_->kind() + "; use the device \"cpu\"");
  }
  for (ValueId id : step.inputs) {
    Tensor tensor;
    if (id != kNoValue) tensor = program.values[id];
    if (id != kNoValue) tensor.data = fixed_[id].data;
    bound.inputs.push_back(tensor);
    bound.input_offsets.push_back(id == kNoValue ? -1 : offsets_[id]);
  }
  for (ValueId id : step.outputs) {
    bound.outputs.push_back(program.values[id]);
    bound.outputs.back().data = fixed_[id].data;
    bound.output_offsets.push_back(offsets_[id]);
  }
  return bound;
}

void Plan::execute(BoundStep& step, void* arena, KernelContext context) {
  char* base = static_cast<char*>(arena);
  for (size_t i = 0; i < step.inputs.size(); ++i) {
    if (step.input_offsets[i] >= 0) step.inputs[i].data = base + step.input_offsets[i];
  }
  for (size_t i = 0; i < step.outputs.size(); ++i) {
    if (step.output_offsets[i] >= 0) step.outputs[i].data = base + step.output_offsets[i];
  }
  context.inputs = step.inputs.data();
  context.input_count = static_cast<int>(step.inputs.size());
  context.outputs = step.outputs.data();
  context.output_count = static_cast<int>(step.outputs.size());
  context.attrs = &step.attrs;
  step.kernel(context);
}

void Plan::run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs,
               std::vector<TraceEntry>* trace) {
  if (start(inputs, outputs, trace)) finish();
}

bool Plan::start(const std::vector<const void*>& inputs, const std::vector<void*>& outputs,
                 std::vector<TraceEntry>* trace) {
  char* arena = static_cast<char*>(session_->begin(arena_bytes_, staging_bytes(), !changing_.empty()));
  try {
    upload(inputs, arena);
    work(arena, trace);
    publish_updates();
    for (size_t i = 0; i < outputs_.size(); ++i) {
      const ValueId id = output_values_[i];
      const void* source = offsets_[id] >= 0 ? arena + offsets_[id] : fixed_[id].data;
      session_->download(outputs[i], source, outputs_[i].bytes());
    }
    session_->end();
  } catch (...) {
    session_->abandon();
    throw;
  }
  return session_->is_under_way();
}

void Plan::upload(const std::vector<const void*>& inputs, char* arena) {
  for (size_t i = 0; i < inputs_.size(); ++i) {
    session_->upload(arena + offsets_[input_values_[i]], inputs[i], inputs_[i].bytes());
  }
  refresh_variables();
}

int64_t Plan::staging_bytes() const {
  int64_t sum = 0;
  for (const std::vector<Port>* ports : {&inputs_, &outputs_}) {
    for (const Port& port : *ports) sum += (port.bytes() + 63) / 64 * 64;
  }
  return sum;
}

void Plan::finish() { session_->finish(); }

void Plan::work(char* arena, std::vector<TraceEntry>* trace) {
  if (!trace) {
    session_->work([&] { run_steps(arena); });
    return;
  }
  for (BoundStep& step : steps_) {
    const auto start = std::chrono::steady_clock::now();
    execute(step, arena, session_->context());
    session_->wait();
    const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
    trace_step(step, time.count(), *trace);
  }
}

void Plan::run_steps(char* arena) {
  const KernelContext context = session_->context();
  KernelContext aside{};
  auto fork = forks_.begin();
  for (int i = 0; i < static_cast<int>(steps_.size()); ++i) {
    const bool is_forked = fork != forks_.end() && fork->holds(i);
    if (is_forked && i == fork->first) {
      session_->fork();
      aside = session_->aside();
    }
    execute(steps_[i], arena, is_forked && fork->is_aside(i) ? aside : context);
    if (is_forked && i + 1 == fork->end) {
      session_->join();
      ++fork;
    }
  }
}

std::vector<StepTime> Plan::time_steps(const std::vector<const void*>& inputs, const std::set<std::string>& ops) {
  char* arena = static_cast<char*>(session_->begin(arena_bytes_, staging_bytes(), !changing_.empty()));
  std::vector<StepTime> times;
  try {
    upload(inputs, arena);
    const KernelContext context = session_->context();
    for (BoundStep& step : steps_) {
      if (ops.count(step.op->name) == 0) {
        execute(step, arena, context);
        continue;
      }
      const double milliseconds = session_->time([&] { execute(step, arena, context); });
      times.push_back({step.op->name, to_string(step.outputs[0].shape), bytes_of(step), milliseconds});
    }
    publish_updates();
    session_->end();
  } catch (...) {
    session_->abandon();
    throw;
  }
  if (session_->is_under_way()) session_->finish();
  return times;
}

// Every tensor once for reading and once for writing.
int64_t Plan::bytes_of(const BoundStep& step) {
  int64_t bytes = 0;
  for (const std::vector<Tensor>* side : {&step.inputs, &step.outputs}) {
    std::set<const void*> seen;
    for (const Tensor& tensor : *side) {
      if (seen.insert(tensor.data).second && tensor.data) bytes += tensor.bytes();
    }
  }
  return bytes;
}

// What may have changed since the last run, on the host or by other plans of this device.
void Plan::refresh_variables() {
  for (const std::shared_ptr<Variable>& variable : changing_) {
    if (device_->is_host()) {
      variable->expect_on_host();
    } else {
      variable->bring_to(variable->mirror(device_));
    }
  }
}

void Plan::publish_updates() {
  for (const std::shared_ptr<Variable>& variable : updated_) {
    if (device_->is_host()) {
      variable->changed_on_host();
    } else {
      variable->changed_in(variable->mirror(device_));
    }
  }
}

std::vector<float> Plan::download_floats(const Tensor& tensor) {
  std::vector<float> values(tensor.shape.count());
  if (tensor.dtype == DType::f32) {
    device_->download(values.data(), tensor.data, tensor.bytes());
  } else {
    std::vector<uint16_t> halves(values.size());
    device_->download(halves.data(), tensor.data, tensor.bytes());
    std::transform(halves.begin(), halves.end(), values.begin(),
                   [](uint16_t half) { return std::bit_cast<float>(uint32_t{half} << 16); });
  }
  return values;
}

void Plan::trace_step(const BoundStep& step, double milliseconds, std::vector<TraceEntry>& trace) {
  const Tensor& output = step.outputs[0];
  TraceEntry entry{step.op->name,
                   to_string(output.shape),
                   milliseconds,
                   std::numeric_limits<float>::infinity(),
                   -std::numeric_limits<float>::infinity(),
                   true};
  if (output.dtype != DType::i32) {
    for (float value : download_floats(output)) {
      entry.minimum = std::min(entry.minimum, value);
      entry.maximum = std::max(entry.maximum, value);
      entry.finite &= std::isfinite(value);
    }
  }
  trace.push_back(entry);
}

}  // namespace lmspt
