#include "config/tiers.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>

#include "base/units.h"
#include "config/text.h"

namespace forebay::config {
namespace {

std::optional<double> parse_ratio(std::string_view text) {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !(value > 0 && value <= 1)) return std::nullopt;
  return value;
}

bool is_alias(std::string_view text) {
  return !text.empty() && text.size() <= 32 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  });
}

std::string format_ratio(double value) {
  char text[32];
  auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return {text, end};
}

// Cuts off what follows the last ':'.
std::optional<std::string_view> cut_last(std::string_view& text) {
  size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view last = text.substr(colon + 1);
  text = text.substr(0, colon);
  return last;
}

Error bad_tier(std::string_view text, std::string reason) {
  return invalid("tier '" + std::string(text) + "': " + reason + " (expected ALIAS:PATH:QUOTA[:HIGH:LOW])");
}

}  // namespace

Result<Tier> parse_tier(std::string_view text) {
  Tier tier;
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) return bad_tier(text, "has no path");
  tier.alias = text.substr(0, colon);
  if (!is_alias(tier.alias)) return bad_tier(text, "'" + tier.alias + "' is no alias");
  std::string_view rest = text.substr(colon + 1);
  // From the right: a path may hold colons, a ratio and a size do not.
  std::string_view before = rest;
  std::optional<std::string_view> low = cut_last(before);
  std::optional<std::string_view> high = low ? cut_last(before) : std::nullopt;
  bool has_marks = high && parse_ratio(*low) && parse_ratio(*high) && before.find(':') != std::string_view::npos;
  if (has_marks) {
    tier.high = *parse_ratio(*high);
    tier.low = *parse_ratio(*low);
    if (tier.low > tier.high) return bad_tier(text, "the low watermark is above the high one");
    rest = before;
  }
  std::optional<std::string_view> quota = cut_last(rest);
  if (!quota) return bad_tier(text, "has no quota");
  Result<uint64_t> bytes = parse_size(*quota);
  if (!bytes) return bad_tier(text, bytes.error().message());
  if (*bytes < kLeastQuota) return bad_tier(text, "the quota is too small: at least " + format_size(kLeastQuota));
  if (rest.empty()) return bad_tier(text, "the path is empty");
  if (rest.find('\0') != std::string_view::npos) return bad_tier(text, "the path holds a zero byte");
  tier.path = rest;
  tier.quota_bytes = *bytes;
  return tier;
}

Result<std::vector<Tier>> parse_tiers(std::string_view text) {
  std::vector<Tier> tiers;
  for (std::string_view item : split_list(text)) {
    ASSIGN_OR_RETURN(Tier tier, parse_tier(item));
    if (std::ranges::any_of(tiers, [&](const Tier& other) { return other.path == tier.path; }))
      return bad_tier(item, "its path is named twice");
    if (tiers.size() == kMostTiers) return bad_tier(item, "more than " + std::to_string(kMostTiers) + " tiers");
    tiers.push_back(std::move(tier));
  }
  return tiers;
}

std::string format_tiers(const std::vector<Tier>& tiers) {
  std::string text;
  for (const Tier& tier : tiers) {
    if (!text.empty()) text += ',';
    text += tier.alias + ':' + tier.path + ':' + std::to_string(tier.quota_bytes) + ':' + format_ratio(tier.high) + ':' +
            format_ratio(tier.low);
  }
  return text;
}

}  // namespace forebay::config
