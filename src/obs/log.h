// Structured logs: one JSON object a line, with the role, the trace id where there is one, and named fields.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace forebay::obs {

enum class Level : uint8_t { kDebug, kInfo, kWarning, kError };

struct Field {
  std::string_view key;
  std::variant<int64_t, uint64_t, double, std::string> value;

  Field(std::string_view k, std::string_view v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const char* v) : key(k), value(std::string(v)) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  template <class T>
    requires std::is_integral_v<T> && std::is_signed_v<T>
  Field(std::string_view k, T v) : key(k), value(static_cast<int64_t>(v)) {}
  template <class T>
    requires std::is_integral_v<T> && std::is_unsigned_v<T>
  Field(std::string_view k, T v) : key(k), value(static_cast<uint64_t>(v)) {}
  Field(std::string_view k, double v) : key(k), value(v) {}
};

// Any thread; never throws and never fails the caller. An error is logged where it is handled, once. Not for the byte path.
class Log {
 public:
  virtual ~Log() = default;
  virtual void write(Level level, std::string_view message, std::initializer_list<Field> fields) = 0;

  void debug(std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::kDebug, message, fields); }
  void info(std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::kInfo, message, fields); }
  void warning(std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::kWarning, message, fields); }
  void error(std::string_view message, std::initializer_list<Field> fields = {}) { write(Level::kError, message, fields); }
};

Log& null_log();  // drops everything: for tests

}  // namespace forebay::obs
