#include "ufs/options.h"

#include <algorithm>
#include <charconv>

#include "config/text.h"

namespace forebay::ufs {

bool is_secret_option(std::string_view name) { return name == "secret-key" || name == "session-token"; }

StoreOptions redacted(StoreOptions options) {
  for (auto& [name, value] : options) {
    // Misspelt ones too: a secret under a wrong name is still one.
    const bool is_secret = name.find("secret") != std::string::npos || name.find("token") != std::string::npos ||
                           name.find("password") != std::string::npos || is_secret_option(name);
    if (is_secret) value = "******";
  }
  return options;
}

const std::string* OptionReader::find(std::string_view name) {
  known_.emplace_back(name);
  auto found = options_.find(std::string(name));
  return found == options_.end() ? nullptr : &found->second;
}

void OptionReader::fail(std::string message) {
  if (error_.empty()) error_ = std::move(message);
}

void OptionReader::text(std::string_view name, std::string& into) {
  const std::string* value = find(name);
  if (!value) return;
  if (value->find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
    return fail("option " + std::string(name) + " has a line end or a zero byte in it");
  into = *value;
}

void OptionReader::flag(std::string_view name, bool& into) { choice<bool>(name, into, {{"true", true}, {"false", false}}); }

void OptionReader::count(std::string_view name, size_t& into, size_t least, size_t most) {
  const std::string* value = find(name);
  if (!value) return;
  size_t number = 0;
  const auto [end, error] = std::from_chars(value->data(), value->data() + value->size(), number);
  if (error != std::errc() || end != value->data() + value->size() || number < least || number > most)
    return fail("option " + std::string(name) + " is '" + *value + "', not a number from " + std::to_string(least) + " to " +
                std::to_string(most));
  into = number;
}

void OptionReader::size(std::string_view name, uint64_t& into, uint64_t least, uint64_t most) {
  const std::string* value = find(name);
  if (!value) return;
  Result<uint64_t> bytes = parse_size(*value);
  if (!bytes) return fail("option " + std::string(name) + ": " + bytes.error().message());
  if (*bytes < least || *bytes > most)
    return fail("option " + std::string(name) + " is '" + *value + "', not from " + format_size(least) + " to " +
                format_size(most));
  into = *bytes;
}

void OptionReader::duration(std::string_view name, Duration& into) {
  const std::string* value = find(name);
  if (!value) return;
  Result<Duration> time = parse_duration(*value);
  if (!time) return fail("option " + std::string(name) + ": " + time.error().message());
  if (*time <= Duration(0)) return fail("option " + std::string(name) + " is '" + *value + "', not a time");
  into = *time;
}

void OptionReader::octal(std::string_view name) {
  const std::string* value = find(name);
  if (!value) return;
  const bool is_mode = !value->empty() && value->size() <= 4 && value->find_first_not_of("01234567") == std::string::npos &&
                       std::stoul(*value, nullptr, 8) <= 0777;
  if (!is_mode) fail("option " + std::string(name) + " is '" + *value + "', not permission bits such as 750");
}

void OptionReader::capabilities(Capabilities& into) {
  const std::string* value = find("capabilities");
  if (!value) return;
  Result<Capabilities> parsed = Capabilities::parse(*value);
  if (!parsed) return fail("option capabilities: " + parsed.error().message());
  into = *parsed;
}

Result<void> OptionReader::finish() const {
  if (!error_.empty()) return invalid(uri_ + ": " + error_);
  for (const auto& [name, value] : options_) {
    if (std::ranges::find(known_, name) != known_.end()) continue;
    const auto nearest =
        std::ranges::min_element(known_, {}, [&](const std::string& known) { return config::edit_distance(known, name); });
    return invalid(uri_ + ": there is no option '" + name + "'; the nearest is '" + *nearest + "'");
  }
  return {};
}

}  // namespace forebay::ufs
