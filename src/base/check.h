// Invariants. A broken one stops the process, in release builds too; input, disk and network content never do (they are errors).
#pragma once

#include <string_view>

namespace forebay {
[[noreturn]] void check_failed(const char* file, int line, const char* condition, std::string_view message);
}

#define FOREBAY_CHECK(condition, message)                               \
  do {                                                                  \
    if (!(condition)) [[unlikely]]                                      \
      ::forebay::check_failed(__FILE__, __LINE__, #condition, message); \
  } while (false)
