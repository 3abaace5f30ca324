#include "device/error.h"

namespace lmspt {

const char* error_code_name(ErrorCode code) {
  switch (code) {
    case ErrorCode::invalid_argument: return "ERR_LMSPT_INVALID_ARGUMENT";
    case ErrorCode::shape: return "ERR_LMSPT_SHAPE";
    case ErrorCode::format: return "ERR_LMSPT_FORMAT";
    case ErrorCode::unsupported: return "ERR_LMSPT_UNSUPPORTED";
    case ErrorCode::io: return "ERR_LMSPT_IO";
    case ErrorCode::device: return "ERR_LMSPT_DEVICE";
    case ErrorCode::out_of_memory: return "ERR_LMSPT_OUT_OF_MEMORY";
    case ErrorCode::closed: return "ERR_LMSPT_CLOSED";
  }
  return "ERR_LMSPT_INVALID_ARGUMENT";
}

}  // namespace lmspt
