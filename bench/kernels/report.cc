#include "report.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>

#include "device/error.h"
#include "graph/precision.h"

namespace lmspt::lab {

namespace {

std::string text(const char* format, ...) __attribute__((format(printf, 1, 2)));
std::string text(const char* format, ...) {
  char buffer[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(buffer, sizeof buffer, format, arguments);
  va_end(arguments);
  return buffer;
}

std::string quoted(const std::string& words) {
  std::string result = "\"";
  for (char c : words) {
    if (c == '"' || c == '\\') result += '\\';
    if (static_cast<unsigned char>(c) >= 0x20) result += c;
  }
  return result + "\"";
}

double seconds(const Measured& measured) { return measured.median() / 1e3; }
double tera(int64_t flops, double time) { return static_cast<double>(flops) / time / 1e12; }
double giga(int64_t bytes, double time) { return static_cast<double>(bytes) / time / 1e9; }

}  // namespace

void Limits::add(const Measured& measured) {
  const double time = seconds(measured);
  if (time <= 0) return;
  if (measured.of->work.flops == 0) {
    bytes_per_second = std::max(bytes_per_second, static_cast<double>(measured.of->work.bytes) / time);
  } else {
    double& best = flops_per_second[precision_name(measured.of->precision)];
    best = std::max(best, static_cast<double>(measured.of->work.flops) / time);
  }
}

void Limits::add(const std::string& setting) {
  const size_t equals = setting.find('=');
  const std::string name = setting.substr(0, equals);
  const double number = equals == std::string::npos ? 0 : std::atof(setting.c_str() + equals + 1);
  if (number <= 0) {
    throw Error(ErrorCode::invalid_argument, "Expected a limit such as copy=4.3e12 but received " + setting);
  }
  double& best = name == "copy" ? bytes_per_second : flops_per_second[precision_name(precision_from_name(name))];
  best = std::max(best, number);
}

double Limits::floor(const Case& of) const {
  const auto flops = flops_per_second.find(precision_name(of.precision));
  double floor = bytes_per_second > 0 ? static_cast<double>(of.work.bytes) / bytes_per_second : 0;
  if (flops != flops_per_second.end()) floor = std::max(floor, static_cast<double>(of.work.flops) / flops->second);
  return floor;
}

std::string to_markdown(const Facts& facts, const Limits& limits, const std::vector<Measured>& all) {
  std::string result = "# Kernels on " + facts.device + "\n\n" + facts.date + ", commit " + facts.commit + "\n\n    " +
                       facts.command + "\n\n" + text("Limits: %.0f GB/s", limits.bytes_per_second / 1e9);
  for (const auto& [precision, flops] : limits.flops_per_second) {
    result += text(", %s %.1f TFLOP/s", precision.c_str(), flops / 1e12);
  }
  result += ".\n";
  if (facts.left_out > 0) result += text("\nThere was no time for %d cases.\n", facts.left_out);
  std::string family;
  for (const Measured& m : all) {
    if (m.of->family != family) {
      family = m.of->family;
      result += "\n## " + family +
                "\n\n| Kernel | Precision | Variant | us | Range, us | TFLOP/s | GB/s | Floor, us | Share |\n"
                "|---|---|---|---|---|---|---|---|---|\n";
    }
    const double time = seconds(m), floor = limits.floor(*m.of);
    result += "| " + m.of->name + " | " + precision_name(m.of->precision) + " | " + m.variant +
              text(" | %.1f | %.1f to %.1f | %.1f | %.0f | %.1f | %.0f %% |\n", time * 1e6,
                   m.milliseconds.front() * 1e3, m.milliseconds.back() * 1e3, tera(m.of->work.flops, time),
                   giga(m.of->work.bytes, time), floor * 1e6, 100 * floor / time);
  }
  return result;
}

std::string to_json(const Facts& facts, const Limits& limits, const std::vector<Measured>& all) {
  std::string result =
      "{\n \"device\": " + quoted(facts.device) + ",\n \"date\": " + quoted(facts.date) +
      ",\n \"commit\": " + quoted(facts.commit) + ",\n \"command\": " + quoted(facts.command) +
      text(",\n \"left_out\": %d,\n \"limits\": {\"copy\": %.4g", facts.left_out, limits.bytes_per_second);
  for (const auto& [precision, flops] : limits.flops_per_second) {
    result += text(", \"%s\": %.4g", precision.c_str(), flops);
  }
  result += "},\n \"kernels\": [";
  for (size_t i = 0; i < all.size(); ++i) {
    const Measured& m = all[i];
    result += std::string(i ? ",\n  " : "\n  ") + "{\"family\": " + quoted(m.of->family) +
              ", \"kernel\": " + quoted(m.of->name) + ", \"precision\": " + quoted(precision_name(m.of->precision)) +
              ", \"variant\": " + quoted(m.variant) +
              text(", \"median_us\": %.3f, \"range_us\": [%.3f, %.3f], \"repeats\": %zu", m.median() * 1e3,
                   m.milliseconds.front() * 1e3, m.milliseconds.back() * 1e3, m.milliseconds.size()) +
              text(", \"flops\": %lld, \"bytes\": %lld, \"floor_us\": %.3f}", static_cast<long long>(m.of->work.flops),
                   static_cast<long long>(m.of->work.bytes), limits.floor(*m.of) * 1e6);
  }
  return result + "\n ]\n}\n";
}

}  // namespace lmspt::lab
