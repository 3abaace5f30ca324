#include "measure.h"

#include <algorithm>
#include <cstdlib>

#include "device/cuda_library.h"
#include "graph/plan.h"

namespace lmspt::lab {

namespace {

class Environment {
 public:
  explicit Environment(const Settings& settings) : settings_(settings) {
    for (const auto& [name, value] : settings_) {
      const char* before = std::getenv(name.c_str());
      if (before) before_[name] = before;
      setenv(name.c_str(), value.c_str(), 1);
    }
  }
  ~Environment() {
    for (const auto& [name, value] : settings_) {
      const auto before = before_.find(name);
      if (before == before_.end()) {
        unsetenv(name.c_str());
      } else {
        setenv(name.c_str(), before->second.c_str(), 1);
      }
    }
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  const Settings& settings_;
  Settings before_;
};

struct Contestant {
  Settings settings;
  std::set<std::string> ops;
  std::unique_ptr<Plan> plan;
};

// Room for the outputs, which are sums and codes.
std::vector<std::vector<char>> room_for(const Plan& plan) {
  std::vector<std::vector<char>> room;
  for (const Plan::Port& port : plan.outputs()) room.emplace_back(std::max<int64_t>(port.bytes(), 1));
  return room;
}

Contestant enter(Devices& devices, const Case& of, const Settings& settings, const std::set<std::string>& ops) {
  const std::shared_ptr<Device> device = devices.open(settings);
  const Environment environment(settings);
  Recorder recorder;
  of.record(recorder);
  Contestant contestant{settings, ops.empty() ? of.ops : ops,
                        std::make_unique<Plan>(recorder.program(of.precision), device)};
  auto room = room_for(*contestant.plan);
  std::vector<void*> outputs;
  for (auto& bytes : room) outputs.push_back(bytes.data());
  contestant.plan->run({}, outputs);
  return contestant;
}

void run(const Contestant& contestant, Measured& measured) {
  const Environment environment(contestant.settings);
  double milliseconds = 0;
  int64_t bytes = 0;
  for (const StepTime& step : contestant.plan->time_steps({}, contestant.ops)) {
    milliseconds += step.milliseconds;
    bytes += step.bytes;
  }
  measured.milliseconds.push_back(milliseconds);
  measured.bytes = bytes;
}

}  // namespace

std::shared_ptr<Device> Devices::open(const Settings& settings) {
  std::shared_ptr<Device>& device = open_[settings];
  const Environment environment(settings);
  if (!device) device = open_cuda_device(library_, index_);
  return device;
}

std::vector<Measured> measure(Devices& devices, const Case& of, int repeats) {
  std::vector<Contestant> contestants;
  std::vector<Measured> results;
  contestants.push_back(enter(devices, of, {}, of.ops));
  results.push_back({&of, "", true, {}, 0});
  for (const Variant& variant : of.variants) {
    contestants.push_back(enter(devices, of, variant.settings, variant.ops));
    results.push_back({&of, variant.name, variant.same_traffic, {}, 0});
  }
  for (int repeat = 0; repeat < repeats; ++repeat) {
    for (size_t i = 0; i < contestants.size(); ++i) run(contestants[i], results[i]);
  }
  for (Measured& result : results) std::sort(result.milliseconds.begin(), result.milliseconds.end());
  return results;
}

}  // namespace lmspt::lab
