#include "graph/fuse_quantizer.h"

#include <algorithm>
#include <map>

#include "graph/registry.h"
#include "ops/precision.h"
#include "ops/quantizer/quantizer.h"

namespace lmspt {

namespace {

// A stage as it was recorded. What follows the search is there where a next stage reads the residual.
struct Stage {
  size_t search;               // its step
  std::vector<size_t> before;  // other steps of which nothing is left: up to the code,
  std::vector<size_t> after;   // and from it to the residual
  ValueId x, base = kNoValue, residual = kNoValue;
  std::vector<ValueId> inputs;  // by StageInput, up to the panels; or up to the base
};

class Stages {
 public:
  explicit Stages(const Program& program) : program_(program), uses_(program.use_counts()), maker_(program.makers()) {
    for (size_t i = 0; i < program.steps.size(); ++i) {
      for (ValueId input : program.steps[i].inputs) readers_[input].push_back(i);
    }
    for (size_t i = 0; i < program.steps.size(); ++i) {
      Stage stage;
      if (!find(i, stage)) continue;
      by_x_[stage.x] = stages_.size();
      stages_.push_back(stage);
    }
  }

  // Stages that read each other's residuals, each list as long as can be.
  std::vector<std::vector<Stage>> chains() const {
    std::vector<bool> follows(stages_.size(), false);
    for (const Stage& stage : stages_) {
      if (const auto next = next_of(stage)) follows[*next] = true;
    }
    std::vector<std::vector<Stage>> chains;
    for (size_t first = 0; first < stages_.size(); ++first) {
      if (follows[first]) continue;
      std::vector<Stage> chain;
      for (std::optional<size_t> at = first; at; at = next_of(stages_[*at])) chain.push_back(stages_[*at]);
      chains.push_back(chain);
    }
    return chains;
  }

 private:
  // A convolution of one tap in float32, alone, with a bias.
  bool is_projection(const Step& step, int64_t in, int64_t out) const {
    if (step.op->name != "conv1d" || step.inputs.size() != 3 || step.inputs[2] == kNoValue) return false;
    const Attrs& attrs = step.attrs;
    return program_.values[step.inputs[1]].shape == make_shape({out, in, 1}) && attrs.i("stride") == 1 &&
           attrs.i("groups") == 1 && attrs.i("pad_left") == 0 && !attrs.b("winograd") && !attrs.b("transposed") &&
           precision_of(attrs) == Precision::fp32 &&
           program_.values[step.inputs[0]].shape[1] == program_.values[step.outputs[0]].shape[1];
  }

  // The step that alone reads the value, at its input of that number.
  std::optional<size_t> only_reader(ValueId value, const char* op, size_t input) const {
    const auto readers = readers_.find(value);
    if (uses_[value] != 1 || readers == readers_.end()) return std::nullopt;
    const size_t index = readers->second[0];
    const Step& step = program_.steps[index];
    if (step.op->name != op || step.inputs[input] != value) return std::nullopt;
    return index;
  }

  bool find(size_t index, Stage& stage) const {
    const Step& search = program_.steps[index];
    if (search.op->name != "codebook_search" || uses_[search.inputs[0]] != 1) return false;
    const int maker = maker_[search.inputs[0]];
    if (maker < 0 || program_.steps[maker].op->name != "conv1d") return false;
    const Step& project = program_.steps[maker];
    stage.x = project.inputs[0];
    const int64_t latent = program_.values[stage.x].shape[2];
    if (!is_projection(project, latent, kFeatures) || latent % 4 != 0 || latent > kMostLatent) return false;
    stage.search = index;
    stage.before = {static_cast<size_t>(maker)};
    stage.inputs = {project.inputs[1], project.inputs[2], search.inputs[1]};
    find_residual(search, latent, stage);
    return true;
  }

  void find_residual(const Step& search, int64_t latent, Stage& stage) const {
    const auto readers = readers_.find(search.outputs[0]);
    if (readers == readers_.end()) return;
    for (size_t reader : readers->second) {
      const Step& lookup = program_.steps[reader];
      if (lookup.op->name != "codebook_lookup" || lookup.inputs[1] != search.inputs[1]) continue;
      const auto expand = only_reader(lookup.outputs[0], "conv1d", 0);
      if (!expand || !is_projection(program_.steps[*expand], kFeatures, latent)) continue;
      const Step& projection = program_.steps[*expand];
      const auto subtract = only_reader(projection.outputs[0], "sub", 1);
      if (!subtract) continue;
      const ValueId base = program_.steps[*subtract].inputs[0];
      if (!(program_.values[base].shape == program_.values[stage.x].shape)) continue;
      stage.base = base == stage.x ? kNoValue : base;
      stage.residual = program_.steps[*subtract].outputs[0];
      stage.after = {reader, *expand, *subtract};
      stage.inputs.insert(stage.inputs.end(),
                          {search.inputs[1], projection.inputs[1], projection.inputs[2], stage.base});
      return;
    }
  }

  // The stage that alone reads the residual: projects it and, where a third one follows, subtracts from it.
  std::optional<size_t> next_of(const Stage& stage) const {
    const auto next = stage.residual == kNoValue ? by_x_.end() : by_x_.find(stage.residual);
    if (next == by_x_.end()) return std::nullopt;
    const Stage& reader = stages_[next->second];
    const bool subtracts = reader.residual != kNoValue && reader.base == kNoValue && next_of(reader);
    if (uses_[stage.residual] != (subtracts ? 2 : 1)) return std::nullopt;
    return next->second;
  }

  const Program& program_;
  const std::vector<int> uses_;
  const std::vector<int> maker_;
  std::map<ValueId, std::vector<size_t>> readers_;
  std::vector<Stage> stages_;
  std::map<ValueId, size_t> by_x_;
};

Step join(const Program& program, const std::vector<Stage>& chain) {
  Step step{&Registry::get().op("fused_quantizer"), {}, {chain[0].x}, {}};
  for (size_t i = 0; i < chain.size(); ++i) {
    const std::vector<ValueId>& inputs = chain[i].inputs;
    const size_t count = i + 1 == chain.size() ? size_t{kCodebook} : inputs.size();
    step.inputs.insert(step.inputs.end(), inputs.begin(), inputs.begin() + count);
    step.outputs.push_back(program.steps[chain[i].search].outputs[0]);
  }
  return step;
}

// Whether what the step reads follows from what it makes, by way of steps that are left.
bool reads_its_results(const Program& program, const Step& joined, const std::vector<bool>& gone) {
  std::vector<bool> follows(program.values.size(), false);
  for (ValueId output : joined.outputs) follows[output] = true;
  const auto any = [&](const std::vector<ValueId>& values) {
    return std::any_of(values.begin(), values.end(), [&](ValueId id) { return id != kNoValue && follows[id]; });
  };
  for (size_t i = 0; i < program.steps.size(); ++i) {
    if (gone[i] || !any(program.steps[i].inputs)) continue;
    for (ValueId output : program.steps[i].outputs) follows[output] = true;
  }
  return any(joined.inputs);
}

// Puts steps behind those that make what they read, and else leaves them where they are.
void sort_steps(Program& program) {
  std::vector<bool> missing(program.values.size(), false);
  for (const Step& step : program.steps) {
    for (ValueId output : step.outputs) missing[output] = true;
  }
  std::vector<Step> sorted, waiting = std::move(program.steps);
  while (!waiting.empty()) {
    std::vector<Step> later;
    for (Step& step : waiting) {
      const bool ready = std::none_of(step.inputs.begin(), step.inputs.end(),
                                      [&](ValueId id) { return id != kNoValue && missing[id]; });
      if (ready) {
        for (ValueId output : step.outputs) missing[output] = false;
      }
      (ready ? sorted : later).push_back(std::move(step));
    }
    waiting = std::move(later);
  }
  program.steps = std::move(sorted);
}

}  // namespace

void fuse_quantizers(Program& program) {
  bool changed = false;
  for (const std::vector<Stage>& chain : Stages(program).chains()) {
    if (chain.size() > kMostStages) continue;
    std::vector<bool> gone(program.steps.size(), false);
    for (size_t i = 0; i < chain.size(); ++i) {
      gone[chain[i].search] = true;
      for (size_t step : chain[i].before) gone[step] = true;
      if (i + 1 == chain.size()) break;
      for (size_t step : chain[i].after) gone[step] = true;
    }
    const Step joined = join(program, chain);
    if (reads_its_results(program, joined, gone)) continue;
    for (size_t i = 0; i < gone.size(); ++i) {
      if (gone[i]) program.steps[i].op = nullptr;
    }
    program.steps[chain[0].search] = joined;
    changed = true;
  }
  if (!changed) return;
  program.drop_steps_without_op();
  sort_steps(program);
}

}  // namespace lmspt
