// Reading the bytes of files in order.
#pragma once

#include <functional>

#include "cli/names.h"

namespace forebay::cli {

// The bytes of a file from `offset`, at most `length` of them, a piece at a time.
Result<void> read_content(Shell& shell, const Entry& entry, uint64_t offset, uint64_t length,
                          const std::function<Result<void>(Bytes)>& each);

// To standard output.
Result<void> print_content(Shell& shell, const Entry& entry, uint64_t offset, uint64_t length);

}  // namespace forebay::cli
