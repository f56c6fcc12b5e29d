// What proves that a key still holds the object we think of, and what a write may demand of its key.
#pragma once

#include <string>
#include <utility>

#include "base/check.h"

namespace forebay::ufs {

// What the store itself says about the content of a key: an ETag (without quotes), or "inode:mtime_ns:size" of a file. Opaque:
// only compared. Equal identities mean that the key was not written in between (S3: or written with the same bytes). Printable
// ASCII, at most 256 bytes. Value.
struct Identity {
  std::string text;

  bool is_known() const { return !text.empty(); }
  bool operator==(const Identity&) const = default;
};

// What has to be true of a key for a call to be done. Value.
class Condition {
 public:
  static Condition none() { return Condition(Kind::kNone, {}); }      // whatever is there
  static Condition absent() { return Condition(Kind::kAbsent, {}); }  // nothing is there
  static Condition is(Identity identity) {                            // exactly this is there
    FOREBAY_CHECK(identity.is_known(), "a condition needs an identity");
    return Condition(Kind::kIs, std::move(identity));
  }
  Condition() : Condition(Kind::kNone, {}) {}

  bool is_none() const { return kind_ == Kind::kNone; }
  bool wants_absent() const { return kind_ == Kind::kAbsent; }
  bool wants_identity() const { return kind_ == Kind::kIs; }
  const Identity& identity() const { return identity_; }
  // `found`: the identity of what is there, nothing if the key is free.
  bool holds(const Identity* found) const {
    if (is_none()) return true;
    if (wants_absent()) return found == nullptr;
    return found != nullptr && *found == identity_;
  }

 private:
  enum class Kind { kNone, kAbsent, kIs };
  Condition(Kind kind, Identity identity) : kind_(kind), identity_(std::move(identity)) {}

  Kind kind_;
  Identity identity_;
};

}  // namespace forebay::ufs
