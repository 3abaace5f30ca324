// Names of precisions: "fp32", "bf16x3", "tf32", "bf16".
#pragma once

#include <string>

#include "device/device.h"

namespace lmspt {

const char* precision_name(Precision precision);
std::string list_precisions(const Device& device);       // those that it has
Precision precision_from_name(const std::string& name);  // throws for another name

}  // namespace lmspt
