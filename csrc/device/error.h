// Errors that reach the user. The codes are those of lib/errors.ts without their prefix.
#pragma once

#include <stdexcept>
#include <string>

namespace lmspt {

enum class ErrorCode { invalid_argument, shape, format, unsupported, io, device, out_of_memory, closed };

const char* error_code_name(ErrorCode code);  // "ERR_LMSPT_SHAPE" and so on

class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace lmspt
