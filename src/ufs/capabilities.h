// What a store can do by itself, what is done instead where it cannot, and what is lost by that.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "base/units.h"
#include "ufs/identity.h"

namespace forebay::ufs {

enum class Feature : uint8_t {
  kPutIfAbsent,           // a put with Condition::absent() is atomic at the store; likewise below
  kPutIfIdentity,         //
  kCompleteIfAbsent,      //
  kCompleteIfIdentity,    //
  kRemoveIfIdentity,      //
  kCopyIfSourceIdentity,  // the copy is of exactly the identity named
  kCopyIfAbsent,          // conditions on the key that is copied to
  kCopyIfIdentity,        //
  kFencedPut,             // abort_upload() of its operation stops a put() that is under way; else only uploads can be fenced
  kRename,                // rename() and rename_directory() are there, atomic, and keep the identity
  kDirectories,           // directories exist by themselves: empty ones stay, attributes are theirs
  kAttributes,            // mode, owner and times of keys can be set without writing the content
  kMountPoint,            // a file system was mounted at the store's directory: while none is, nothing there counts
};
inline constexpr int kFeatures = 13;
std::string_view feature_name(Feature feature);  // "put-if-absent"

// Value. Conditions are honoured in any case: where the store cannot check one atomically, the key is looked at first, and what
// comes in between the look and the write goes unnoticed; lost() says so.
class Capabilities {
 public:
  Capabilities() = default;
  Capabilities(std::initializer_list<Feature> features);

  bool has(Feature feature) const { return bits_ >> static_cast<unsigned>(feature) & 1; }
  void set(Feature feature, bool on = true);
  bool operator==(const Capabilities&) const = default;

  // Whether a put() on this condition may be used for a small object: the store checks the condition itself, or a late put can be
  // fenced. Else an upload in parts, which can always be fenced. A conditional put that nobody waits for any more may still
  // create a key that is free: leave such a key alone until the put's deadline has passed.
  bool can_put(const Condition& condition) const;
  bool prefers_uploads() const;  // no condition can be put
  // A sentence for each feature whose absence costs a guarantee; for `mount list`. Empty: nothing is lost.
  std::vector<std::string> lost() const;

  // "put-if-absent,rename": for the mount's record, so that a store is probed once and not by every process.
  std::string to_text() const;
  static Result<Capabilities> parse(std::string_view text);  // `invalid` names an unknown feature

 private:
  uint32_t bits_ = 0;
};

// Sizes that a store takes. Larger ones are refused before anything is sent (`rejected`: ENAMETOOLONG, EFBIG, E2BIG).
struct Limits {
  uint64_t key_bytes = 1024;      // with the mount's prefix
  uint64_t segment_bytes = 1024;  // between two slashes
  uint64_t put_bytes = 5 * kGiB;
  uint64_t object_bytes = 5 * kTiB;
  uint64_t least_part_bytes = 5 * kMiB;  // of all parts but the last
  uint64_t part_bytes = 5 * kGiB;
  uint32_t parts = 10'000;

  // The size of all parts but the last for an object so long: at least `wanted`, more where the number of parts asks for it.
  uint64_t part_size(uint64_t object_bytes, uint64_t wanted) const;
};

}  // namespace forebay::ufs
