// What must never be printed.
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "os/clock.h"

namespace forebay::ufs {

// Text that goes into signatures and nowhere else: no conversion, no output operator; reveal() is what to look for in a review.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const Secret&) const = default;

 private:
  std::string text_;
};

// What a request is signed with. An empty access key: anonymous, nothing is signed.
struct Credentials {
  std::string access_key;  // may be shown
  Secret secret_key, session_token;
  std::optional<os::WallTime> expires;
  std::string origin;  // "option", "environment", "web identity …", "file …", "instance metadata": for messages
};

}  // namespace forebay::ufs
