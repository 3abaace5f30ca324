// lmspt-kernel-lab: measures every family of CUDA kernels by itself, with no Node.
//   lmspt-kernel-lab --cuda LIBRARY [--index N] [--only TEXT] [--precision NAME] [--repeats N] [--seconds N] [--small]
//                    [--limit NAME=NUMBER]... [--commit TEXT] [--output PATH]     PATH.md and PATH.json
//   lmspt-kernel-lab --cuda LIBRARY --check [--only TEXT]     each case once, small; ends with "N passed, N failed"
//   lmspt-kernel-lab --list                                   what there is, with operations and bytes
// Kernels are timed by events, with the caches emptied before each; variants take turns.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "device/error.h"
#include "graph/precision.h"
#include "measure.h"
#include "report.h"

namespace lmspt::lab {

namespace {

struct Options {
  std::string cuda, only, precision, output, commit = "unknown";
  std::vector<std::string> limits;
  int index = 0, repeats = 20;
  double seconds = 1e9;  // after which no more cases are begun
  bool check = false, list = false, small = false;
};

std::vector<Case> all_cases(bool small) {
  const Sizes sizes(small);
  std::vector<Case> cases;
  add_limits(cases, sizes);
  add_convolutions(cases, sizes);
  add_images(cases, sizes);
  add_products(cases, sizes);
  add_attention(cases, sizes);
  add_rows(cases, sizes);
  add_elements(cases, sizes);
  add_losses(cases, sizes);
  add_quantizers(cases, sizes);
  add_spectra(cases, sizes);
  std::stable_sort(cases.begin(), cases.end(), [](const Case& a, const Case& b) {
    const bool a_first = a.family == "limits", b_first = b.family == "limits";
    return a_first != b_first ? a_first : a.family < b.family;
  });
  return cases;
}

std::string title(const Case& of) { return of.family + ": " + of.name + ", " + precision_name(of.precision); }

bool is_asked_for(const Case& of, const Options& options) {
  const bool is_copy = of.work.flops == 0 && of.family == "limits";
  if (!options.precision.empty() && !is_copy && options.precision != precision_name(of.precision)) return false;
  return options.only.empty() || of.family == "limits" || title(of).find(options.only) != std::string::npos;
}

// What is wrong with a case, by small sizes; empty where nothing is.
std::string problem_of(Devices& devices, const Case& of) {
  const int64_t counted = of.work.count();
  if (counted != of.work.flops) {
    return "expected " + std::to_string(counted) + " operations, the formula has " + std::to_string(of.work.flops);
  }
  for (const Measured& measured : measure(devices, of, 1)) {
    const std::string variant = measured.variant.empty() ? "" : "with " + measured.variant + " ";
    if (!(measured.median() > 0) || !std::isfinite(measured.median())) return variant + "it takes no time";
    if (measured.same_traffic && measured.bytes != of.work.bytes && measured.bytes != of.work.other_bytes) {
      return variant + "kernels read and write " + std::to_string(measured.bytes) + " bytes, the formula has " +
             std::to_string(of.work.bytes);
    }
  }
  return "";
}

int check(Devices& devices, const Options& options) {
  int passed = 0, failed = 0;
  for (const Case& of : all_cases(true)) {
    if (!is_asked_for(of, options)) continue;
    std::string problem;
    try {
      problem = problem_of(devices, of);
    } catch (const Error& error) {
      problem = error.what();
    }
    problem.empty() ? ++passed : ++failed;
    if (!problem.empty()) std::printf("failed: %s: %s\n", title(of).c_str(), problem.c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  return failed > 0 || passed == 0;
}

int list() {
  for (const Case& of : all_cases(false)) {
    std::printf("%s: %.3f GFLOP, %.3f MB\n", title(of).c_str(), static_cast<double>(of.work.flops) / 1e9,
                static_cast<double>(of.work.bytes) / 1e6);
  }
  return 0;
}

void write(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) throw Error(ErrorCode::io, "Cannot write " + path);
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d", std::gmtime(&now));
  return text;
}

int run(Devices& devices, const Options& options, const std::string& command) {
  const std::vector<Case> cases = all_cases(options.small);
  Limits limits;
  for (const std::string& limit : options.limits) limits.add(limit);
  std::vector<Measured> all;
  int left_out = 0;
  const auto start = std::chrono::steady_clock::now();
  for (const Case& of : cases) {
    if (!is_asked_for(of, options)) continue;
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    if (passed.count() > options.seconds) {
      ++left_out;
      continue;
    }
    for (Measured& measured : measure(devices, of, options.repeats)) {
      if (of.family == "limits") limits.add(measured);
      std::fprintf(stderr, "%s %s: %.1f us\n", title(of).c_str(), measured.variant.c_str(), measured.median() * 1e3);
      all.push_back(std::move(measured));
    }
  }
  const Facts facts{devices.open({})->description(), today(), options.commit, command, left_out};
  const std::string table = to_markdown(facts, limits, all);
  std::printf("%s", table.c_str());
  if (options.output.empty()) return 0;
  write(options.output + ".md", table);
  write(options.output + ".json", to_json(facts, limits, all));
  return 0;
}

int usage() {
  std::fprintf(stderr,
               "usage: lmspt-kernel-lab --cuda LIBRARY [--index N] [--only TEXT] [--precision NAME] [--repeats N] "
               "[--seconds N]\n"
               "                        [--limit NAME=NUMBER]... [--commit TEXT] [--output PATH]\n"
               "       lmspt-kernel-lab --cuda LIBRARY --check [--only TEXT]\n"
               "       lmspt-kernel-lab --list\n");
  return 2;
}

// False where words are missing or not understood.
bool parse(const std::vector<std::string>& words, Options& options) {
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    bool* const flag = word == "--check"   ? &options.check
                       : word == "--list"  ? &options.list
                       : word == "--small" ? &options.small
                                           : nullptr;
    if (flag) {
      *flag = true;
      continue;
    }
    if (i + 1 == words.size()) return false;
    const std::string& value = words[++i];
    if (word == "--cuda") {
      options.cuda = value;
    } else if (word == "--only") {
      options.only = value;
    } else if (word == "--precision") {
      options.precision = value;
    } else if (word == "--output") {
      options.output = value;
    } else if (word == "--commit") {
      options.commit = value;
    } else if (word == "--limit") {
      options.limits.push_back(value);
    } else if (word == "--index") {
      options.index = std::atoi(value.c_str());
    } else if (word == "--seconds") {
      options.seconds = std::atof(value.c_str());
    } else if (word == "--repeats") {
      options.repeats = std::atoi(value.c_str());
    } else {
      return false;
    }
  }
  return options.repeats > 0 && (options.list || !options.cuda.empty());
}

}  // namespace

}  // namespace lmspt::lab

int main(int count, char** arguments) {
  using namespace lmspt::lab;
  const std::vector<std::string> words(arguments + 1, arguments + count);
  Options options;
  if (!parse(words, options)) return usage();
  if (options.list) return list();
  std::string command = "lmspt-kernel-lab";
  for (const std::string& word : words) command += " " + word;
  try {
    Devices devices(options.cuda, options.index);
    return options.check ? check(devices, options) : run(devices, options, command);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
