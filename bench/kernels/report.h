// Times as a table and as JSON.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "measure.h"

namespace lmspt::lab {

// What the best kernels of the same run reached, or what somebody measured otherwise.
struct Limits {
  double bytes_per_second = 0;
  std::map<std::string, double> flops_per_second;  // by precision

  void add(const Measured& measured);    // of the family "limits"
  void add(const std::string& setting);  // "copy=4.3e12", "bf16=7.9e14"; throws for others

  // The least seconds that this work takes.
  double floor(const Case& of) const;
};

struct Facts {
  std::string device, date, commit, command;
  int left_out = 0;  // cases for which there was no time
};

std::string to_markdown(const Facts& facts, const Limits& limits, const std::vector<Measured>& all);
std::string to_json(const Facts& facts, const Limits& limits, const std::vector<Measured>& all);

}  // namespace lmspt::lab
