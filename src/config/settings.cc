#include "config/settings.h"

#include <charconv>

#include "base/check.h"
#include "config/text.h"

namespace forebay::config {
namespace {

Result<uint64_t> parse_count(std::string_view text, uint64_t least, uint64_t most) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size())
    return invalid("'" + std::string(text) + "' is not a whole number");
  if (value < least || value > most) {
    if (least == most) return invalid(std::to_string(value) + " is not supported; only " + std::to_string(least) + " is");
    return invalid(std::to_string(value) + " is outside " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

Result<bool> parse_flag(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return invalid("'" + std::string(text) + "' is neither true nor false");
}

Result<void> check_choice(std::string_view choices, std::string_view text) {
  std::string_view rest = choices;
  while (!rest.empty()) {
    size_t bar = std::min(rest.find('|'), rest.size());
    if (rest.substr(0, bar) == text) return {};
    rest.remove_prefix(std::min(bar + 1, rest.size()));
  }
  return invalid("'" + std::string(text) + "' is not one of " + std::string(choices));
}

Result<void> check_address(std::string_view item) {
  size_t colon = item.rfind(':');
  if (colon == std::string_view::npos) return {};
  Result<uint64_t> port = parse_count(item.substr(colon + 1), 1, 65535);
  if (!port || colon == 0) return invalid("'" + std::string(item) + "' is not host or host:port");
  return {};
}

template <class T>
Result<void> outcome(const Result<T>& parsed) {
  if (!parsed) return std::unexpected(parsed.error());
  return {};
}

}  // namespace

Result<void> check_value(const Setting& setting, std::string_view value) {
  if (value.find('\0') != std::string_view::npos) return invalid("the value holds a zero byte");
  switch (setting.kind) {
    case Kind::kText:
    case Kind::kPath:
    case Kind::kList: return {};
    case Kind::kFlag: return outcome(parse_flag(value));
    case Kind::kCount: return outcome(parse_count(value, setting.rule.least, setting.rule.most));
    case Kind::kPort: return outcome(parse_count(value, 0, 65535));
    case Kind::kSize: return outcome(parse_size(value));
    case Kind::kDuration: return outcome(parse_duration(value));
    case Kind::kChoice: return check_choice(setting.rule.choices, value);
    case Kind::kTiers: return outcome(parse_tiers(value));
    case Kind::kAddresses:
      for (std::string_view item : split_list(value)) TRY(check_address(item));
      return {};
  }
  return invalid("a setting of an unknown kind");
}

Settings::Settings() {
  values_.reserve(kSettings);
  for (const Setting& setting : kTable) values_.push_back({std::string(setting.fallback), std::string(kDefault)});
}

Result<void> Settings::set(size_t index, std::string_view value, std::string where) {
  FOREBAY_CHECK(index < kSettings, "a setting's place comes from the table");
  value = trim(value);
  const Setting& setting = kTable[index];
  if (Result<void> checked = check_value(setting, value); !checked)
    return invalid(where + ": " + std::string(setting.name) + ": " +
                   (setting.rule.secret ? "the value is not usable" : checked.error().message()));
  values_[index] = {std::string(value), std::move(where)};
  return {};
}

// The getters below read values that set() has checked, and defaults that a test has.
bool Settings::flag(Name<Kind::kFlag> name) const { return values_[name.index()].text == "true"; }
uint64_t Settings::count(Name<Kind::kCount> name) const { return *parse_count(values_[name.index()].text, 0, UINT64_MAX); }
uint16_t Settings::port(Name<Kind::kPort> name) const {
  return static_cast<uint16_t>(*parse_count(values_[name.index()].text, 0, 65535));
}
uint64_t Settings::size(Name<Kind::kSize> name) const { return *parse_size(values_[name.index()].text); }
Duration Settings::duration(Name<Kind::kDuration> name) const { return *parse_duration(values_[name.index()].text); }
std::vector<std::string> Settings::list(Name<Kind::kList, Kind::kAddresses> name) const {
  std::vector<std::string_view> items = split_list(values_[name.index()].text);
  return {items.begin(), items.end()};
}
std::vector<Tier> Settings::tiers(Name<Kind::kTiers> name) const { return *parse_tiers(values_[name.index()].text); }

std::string shown_value(const Setting& setting, std::string_view value) {
  if (setting.rule.secret && !value.empty()) return "******";
  std::string shown(value);
  for (size_t at = 0; (at = shown.find("://", at)) != std::string::npos;) {
    at += 3;
    size_t end = std::min(shown.find_first_of("/,", at), shown.size());
    size_t sign = shown.rfind('@', end);
    size_t colon = shown.find(':', at);
    if (sign != std::string::npos && sign > at && colon < sign) shown.replace(colon + 1, sign - colon - 1, "******");
  }
  return shown;
}

std::string unknown_key_message(std::string_view key) {
  std::string_view nearest;
  size_t least = SIZE_MAX;
  for (const Setting& setting : kTable) {
    size_t distance = edit_distance(key, setting.name);
    if (distance < least) least = distance, nearest = setting.name;
  }
  return "no setting '" + std::string(key.substr(0, 200)) + "' (did you mean '" + std::string(nearest) + "'?)";
}

}  // namespace forebay::config
