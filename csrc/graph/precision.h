// Names of precisions: "fp32", "bf16x3", "bf16".
#pragma once

#include <string>

#include "device/precision.h"

namespace lmspt {

const char* precision_name(Precision precision);
Precision precision_from_name(const std::string& name);  // throws for another name

}  // namespace lmspt
