// lmspt-native: runs, checks and times plan files through the C API, with no Node.
//   lmspt-native test PLAN|FOLDER...    run with the stored samples and compare; ends with "N passed, N failed"
//   lmspt-native bench PLAN [RUNS]      median and range of RUNS runs (default 10)
//   lmspt-native run PLAN OUT           run with the stored or zero inputs; raw outputs go to OUT.<name>
// Options: --variant NAME, --threads N, --cuda LIBRARY
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "capi/lmspt.h"

namespace {

struct Options {
  std::string command;
  std::vector<std::string> arguments;
  const char* variant = nullptr;
  const char* cuda = nullptr;
  int threads = 0;
};

int fail(const std::string& what, const std::string& reason) {
  std::fprintf(stderr, "%s: %s\n", what.c_str(), reason.c_str());
  return 1;
}

// Data of a port, zeros at first; what is never touched costs nothing. Null where there is not enough memory.
using HostData = std::unique_ptr<float, decltype(&std::free)>;
HostData host_data(int64_t count) {
  const size_t elements = count > 0 ? static_cast<size_t>(count) : 1;
  return {static_cast<float*>(std::calloc(elements, sizeof(float))), std::free};
}

// A plan with the memory for its inputs, filled with their samples, and for its outputs.
class LoadedPlan {
 public:
  LoadedPlan(lmspt_device* device, const std::string& path) {
    if (lmspt_plan_load(device, path.c_str(), &plan_) != LMSPT_OK) {
      problem_ = lmspt_last_error();
      return;
    }
    inputs_.resize(lmspt_plan_inputs(plan_, nullptr, 0));
    outputs_.resize(lmspt_plan_outputs(plan_, nullptr, 0));
    lmspt_plan_inputs(plan_, inputs_.data(), static_cast<int32_t>(inputs_.size()));
    lmspt_plan_outputs(plan_, outputs_.data(), static_cast<int32_t>(outputs_.size()));
    for (size_t i = 0; i < inputs_.size(); ++i) {
      input_data_.push_back(host_data(inputs_[i].count));
      const void* sample = lmspt_plan_input_sample(plan_, static_cast<int32_t>(i));
      if (!input_data_.back()) problem_ = "not enough memory for the inputs";
      if (sample && input_data_.back()) std::memcpy(input_data_.back().get(), sample, inputs_[i].count * sizeof(float));
    }
    for (const lmspt_port& port : outputs_) {
      output_data_.push_back(host_data(port.count));
      if (!output_data_.back()) problem_ = "not enough memory for the outputs";
    }
  }
  ~LoadedPlan() { lmspt_plan_close(plan_); }
  LoadedPlan(const LoadedPlan&) = delete;
  LoadedPlan& operator=(const LoadedPlan&) = delete;

  const std::vector<lmspt_port>& outputs() const { return outputs_; }
  const float* output(size_t i) const { return output_data_[i].get(); }
  const std::string& problem() const { return problem_; }

  // False, with the reason in problem(), where loading or running fails.
  bool run() {
    if (!problem_.empty()) return false;
    std::vector<const void*> sources;
    std::vector<void*> targets;
    for (auto& data : input_data_) sources.push_back(data.get());
    for (auto& data : output_data_) targets.push_back(data.get());
    if (lmspt_plan_run(plan_, sources.data(), targets.data()) != LMSPT_OK) problem_ = lmspt_last_error();
    return problem_.empty();
  }

  // The first output that differs from its sample, described; empty when all agree.
  std::string difference() const {
    int compared = 0;
    for (size_t i = 0; i < outputs_.size(); ++i) {
      double tolerance = 0;
      const void* sample = lmspt_plan_output_sample(plan_, static_cast<int32_t>(i), &tolerance);
      if (!sample) continue;
      ++compared;
      const std::string problem = compare(outputs_[i], output_data_[i].get(), sample, tolerance);
      if (!problem.empty()) return problem;
    }
    return compared ? "" : "the file holds no expected output";
  }

 private:
  static std::string compare(const lmspt_port& port, const float* got, const void* sample, double tolerance) {
    if (port.dtype == LMSPT_I32) {
      return std::memcmp(got, sample, port.count * sizeof(int32_t)) == 0 ? "" : std::string(port.name) + " differs";
    }
    const float* expected = static_cast<const float*>(sample);
    double largest = 0, worst = 0;
    for (int64_t i = 0; i < port.count; ++i) {
      if (std::isfinite(expected[i])) largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    }
    for (int64_t i = 0; i < port.count; ++i) {
      if (got[i] == expected[i] || (std::isnan(got[i]) && std::isnan(expected[i]))) continue;
      const double error = std::abs(static_cast<double>(got[i]) - expected[i]);
      if (!(error <= worst)) worst = error;
    }
    if (worst <= tolerance * largest) return "";
    return std::string(port.name) + " differs by " + std::to_string(worst / largest) +
           " of its largest value, allowed " + std::to_string(tolerance);
  }

  lmspt_plan* plan_ = nullptr;
  std::vector<lmspt_port> inputs_, outputs_;
  std::vector<HostData> input_data_, output_data_;
  std::string problem_;
};

std::vector<std::string> plan_files(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    if (!std::filesystem::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argument)) {
      if (entry.path().extension() == ".plan") files.push_back(entry.path().string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

int test(lmspt_device* device, const Options& options) {
  int passed = 0, failed = 0;
  for (const std::string& path : plan_files(options.arguments)) {
    LoadedPlan plan(device, path);
    const std::string problem = plan.run() ? plan.difference() : plan.problem();
    problem.empty() ? ++passed : ++failed;
    if (!problem.empty()) std::printf("failed: %s: %s\n", path.c_str(), problem.c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed || !passed;
}

int bench(lmspt_device* device, const Options& options) {
  LoadedPlan plan(device, options.arguments[0]);
  if (!plan.run()) return fail(options.arguments[0], plan.problem());
  const int runs = options.arguments.size() > 1 ? std::max(1, std::atoi(options.arguments[1].c_str())) : 10;
  std::vector<double> times;
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    if (!plan.run()) return fail(options.arguments[0], plan.problem());
    times.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
  }
  std::sort(times.begin(), times.end());
  std::printf("%s: median %.3f ms, %.3f to %.3f, %d runs on %s\n", options.arguments[0].c_str(), times[runs / 2],
              times.front(), times.back(), runs, lmspt_device_description(device));
  return 0;
}

int run(lmspt_device* device, const Options& options) {
  LoadedPlan plan(device, options.arguments[0]);
  if (!plan.run()) return fail(options.arguments[0], plan.problem());
  for (size_t i = 0; i < plan.outputs().size(); ++i) {
    const std::string path = options.arguments.at(1) + "." + plan.outputs()[i].name;
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(plan.output(i)), plan.outputs()[i].count * sizeof(float));
    if (!file) {
      std::fprintf(stderr, "cannot write %s\n", path.c_str());
      return 1;
    }
    std::printf("%s: %lld elements\n", path.c_str(), static_cast<long long>(plan.outputs()[i].count));
  }
  return 0;
}

int usage() {
  std::fprintf(stderr,
               "usage: lmspt-native test PLAN|FOLDER... | bench PLAN [RUNS] | run PLAN OUT\n"
               "       --variant portable|avx2|avx512|avx512bf16|amx  --threads N  --cuda LIBRARY\n");
  return 2;
}

}  // namespace

int main(int count, char** words) {
  Options options;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const bool has_value = i + 1 < count;
    if (word == "--variant" && has_value) {
      options.variant = words[++i];
    } else if (word == "--cuda" && has_value) {
      options.cuda = words[++i];
    } else if (word == "--threads" && has_value) {
      options.threads = std::atoi(words[++i]);
    } else if (options.command.empty()) {
      options.command = word;
    } else {
      options.arguments.push_back(word);
    }
  }
  const size_t needed = options.command == "run" ? 2 : 1;
  const bool known = options.command == "test" || options.command == "bench" || options.command == "run";
  if (!known || options.arguments.size() < needed) return usage();
  lmspt_device* device = nullptr;
  const int opened = options.cuda ? lmspt_cuda_open(options.cuda, 0, &device)
                                  : lmspt_cpu_open(options.variant, options.threads, &device);
  if (opened != LMSPT_OK) return fail("cannot open the device", lmspt_last_error());
  const int result = options.command == "test"    ? test(device, options)
                     : options.command == "bench" ? bench(device, options)
                                                  : run(device, options);
  lmspt_device_close(device);
  return result;
}
