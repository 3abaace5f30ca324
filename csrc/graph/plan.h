// An immutable, executable form of a graph for one device and one set of shapes.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "device/device.h"
#include "graph/forks.h"
#include "graph/program.h"

namespace lmspt {

struct TraceEntry {
  std::string op;
  std::string shape;
  double milliseconds;
  float minimum;
  float maximum;
  bool finite;
};

// A step that was timed alone.
struct StepTime {
  std::string op;
  std::string shape;  // of its first result
  int64_t bytes;      // of what it reads and of what it writes
  double milliseconds;
};

class Plan {
 public:
  // Rewrites the program, computes what depends on frozen variables and constants alone, places the rest in the arena.
  // Runs kernels, so it belongs on the device's thread.
  Plan(Program program, std::shared_ptr<Device> device);

  struct Port {
    std::string name;
    DType dtype;
    Shape shape;
    int64_t bytes() const { return shape.count() * kElementSize; }
  };
  const std::vector<Port>& inputs() const { return inputs_; }
  const std::vector<Port>& outputs() const { return outputs_; }
  int64_t arena_bytes() const { return arena_bytes_; }
  int step_count() const { return static_cast<int>(steps_.size()); }

  // `inputs` and `outputs` are host buffers in the order of the ports. With `trace`, one entry per step is appended.
  void run(const std::vector<const void*>& inputs, const std::vector<void*>& outputs,
           std::vector<TraceEntry>* trace = nullptr);

  // The same in two parts. Between them the device works, and other runs may start; where `start` returns false there
  // is nothing to finish. The outputs must live until `finish`; runs of a plan finish in the order in which they
  // started.
  bool start(const std::vector<const void*>& inputs, const std::vector<void*>& outputs,
             std::vector<TraceEntry>* trace = nullptr);
  void finish();

  // A run, after others, whose outputs nobody gets: every step of one of these ops is timed alone (Session::time).
  std::vector<StepTime> time_steps(const std::vector<const void*>& inputs, const std::set<std::string>& ops);

 private:
  struct Known;
  struct BoundStep {
    const OpDef* op;
    Kernel kernel;
    Attrs attrs;
    std::vector<Tensor> inputs;
    std::vector<Tensor> outputs;
    std::vector<int64_t> input_offsets;  // into the arena; -1: the tensor holds its address
    std::vector<int64_t> output_offsets;
  };

  BoundStep bind(const Step& step, const Program& program) const;
  static void execute(BoundStep& step, void* arena, KernelContext context);
  static int64_t bytes_of(const BoundStep& step);
  int64_t staging_bytes() const;
  void upload(const std::vector<const void*>& inputs, char* arena);
  void work(char* arena, std::vector<TraceEntry>* trace);
  void run_steps(char* arena);
  void load_sources(const Program& program);
  void refresh_variables();
  void publish_updates();
  std::vector<Step> fold(const Program& program);
  Known describe(const Step& step, const Program& program, const std::vector<std::optional<Known>>& known) const;
  Buffer prepare(ValueId id, const Program& program, const std::vector<std::optional<Known>>& known, bool keep);
  std::vector<Fork> choose_forks(const Program& program, const std::vector<Step>& steps) const;
  void place(const Program& program, const std::vector<Step>& steps, const std::vector<Fork>& forks);
  void bind_all(const Program& program, const std::vector<Step>& steps, const std::vector<Fork>& forks);
  Buffer device_buffer(int64_t bytes);
  std::vector<float> download_floats(const Tensor& tensor);  // f32 or bf16, widened
  void trace_step(const BoundStep& step, double milliseconds, std::vector<TraceEntry>& trace);

  std::shared_ptr<Device> device_;
  std::unique_ptr<Session> session_;
  std::vector<Buffer> fixed_;                        // by value: memory outside the arena
  std::vector<int64_t> offsets_;                     // by value: place in the arena, or -1
  std::vector<std::shared_ptr<Variable>> changing_;  // variables that are not frozen
  std::vector<std::shared_ptr<Variable>> updated_;   // those that a run gives new values
  std::vector<BoundStep> steps_;
  std::vector<Fork> forks_;  // of steps_
  std::vector<Port> inputs_;
  std::vector<Port> outputs_;
  std::vector<ValueId> input_values_;
  std::vector<ValueId> output_values_;
  int64_t arena_bytes_ = 0;
};

}  // namespace lmspt
