#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <utility>

namespace forebay {
namespace {

struct Number {
  double value;
  std::string_view rest;
};

Result<Number> leading_number(std::string_view text, std::string_view what) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || !(value >= 0) || !std::isfinite(value))
    return invalid("'" + std::string(text) + "' is not a " + std::string(what));
  std::string_view rest(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!rest.empty() && rest.front() == ' ') rest.remove_prefix(1);
  return Number{value, rest};
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
  std::string result;
  for (char c : text) result += lower(c);
  return result;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  ASSIGN_OR_RETURN(Number number, leading_number(text, "size (for example 64MB or 1GiB)"));
  static constexpr std::array<std::pair<std::string_view, uint64_t>, 17> kUnits{{{"", 1},
                                                                                 {"b", 1},
                                                                                 {"k", kKiB},
                                                                                 {"kb", kKiB},
                                                                                 {"ki", kKiB},
                                                                                 {"kib", kKiB},
                                                                                 {"m", kMiB},
                                                                                 {"mb", kMiB},
                                                                                 {"mi", kMiB},
                                                                                 {"mib", kMiB},
                                                                                 {"g", kGiB},
                                                                                 {"gb", kGiB},
                                                                                 {"gi", kGiB},
                                                                                 {"gib", kGiB},
                                                                                 {"t", kTiB},
                                                                                 {"tb", kTiB},
                                                                                 {"ti", kTiB}}};
  std::string unit = lower(number.rest);
  if (unit == "tib") unit = "ti";
  for (auto [name, factor] : kUnits) {
    if (unit != name) continue;
    double bytes = number.value * static_cast<double>(factor);
    if (bytes >= 9.2e18) return invalid("size '" + std::string(text) + "' is too large");
    return static_cast<uint64_t>(std::llround(bytes));
  }
  return invalid("'" + std::string(text) + "' has an unknown unit '" + std::string(number.rest) +
                 "' (use B, KB, MB, GB, TB or Ki, Mi, Gi, Ti)");
}

Result<Duration> parse_duration(std::string_view text) {
  ASSIGN_OR_RETURN(Number number, leading_number(text, "duration (for example 500ms or 2s)"));
  static constexpr std::array<std::pair<std::string_view, double>, 12> kUnits{{{"ns", 1},
                                                                               {"us", 1e3},
                                                                               {"ms", 1e6},
                                                                               {"s", 1e9},
                                                                               {"sec", 1e9},
                                                                               {"m", 60e9},
                                                                               {"min", 60e9},
                                                                               {"h", 3600e9},
                                                                               {"hour", 3600e9},
                                                                               {"d", 86400e9},
                                                                               {"day", 86400e9},
                                                                               {"days", 86400e9}}};
  std::string unit = lower(number.rest);
  if (unit.empty() && number.value == 0) return Duration{0};
  for (auto [name, factor] : kUnits) {
    if (unit != name) continue;
    double nanoseconds = number.value * factor;
    if (nanoseconds >= 9.2e18) return invalid("duration '" + std::string(text) + "' is too long");
    return Duration{std::llround(nanoseconds)};
  }
  return invalid("'" + std::string(text) + "' needs a unit: ms, s, m, h or d");
}

std::string format_size(uint64_t bytes) {
  if (bytes < kKiB) return std::to_string(bytes) + "B";
  static constexpr std::array<const char*, 4> kNames{"KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kNames.size()) value /= 1024, ++unit;
  char buffer[48];
  std::snprintf(buffer, sizeof buffer, "%.1f%s", value, kNames[unit]);
  return buffer;
}

std::string format_duration(Duration duration) {
  static constexpr std::array<std::pair<const char*, int64_t>, 7> kUnits{{{"d", 86400'000'000'000},
                                                                          {"h", 3600'000'000'000},
                                                                          {"m", 60'000'000'000},
                                                                          {"s", 1'000'000'000},
                                                                          {"ms", 1'000'000},
                                                                          {"us", 1'000},
                                                                          {"ns", 1}}};
  int64_t count = duration.count();
  if (count == 0) return "0s";
  for (auto [name, factor] : kUnits)
    if (count % factor == 0) return std::to_string(count / factor) + name;
  return std::to_string(count) + "ns";
}

}  // namespace forebay
