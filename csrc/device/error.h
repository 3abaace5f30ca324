// Errors that reach the user. The codes are those of lib/errors.ts without their prefix.
#pragma once

#include <stdexcept>
#include <string>

#if defined(_WIN32)
#define LMSPT_SHARED_TYPE
#else
#define LMSPT_SHARED_TYPE __attribute__((visibility("default")))
#endif

namespace lmspt {

enum class ErrorCode { invalid_argument, shape, format, unsupported, io, device, out_of_memory, closed };

const char* error_code_name(ErrorCode code);  // "ERR_LMSPT_SHAPE" and so on

// Its type must be one and the same in the core and in the CUDA library, or what the library throws is not caught.
class LMSPT_SHARED_TYPE Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

}  // namespace lmspt
