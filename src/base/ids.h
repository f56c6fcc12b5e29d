// Distinct id types, so that a worker id cannot be passed where an inode id is meant. 0 is "none" for every one of them.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace forebay {

template <class Tag>
struct Id {
  uint64_t value = 0;

  constexpr explicit operator bool() const { return value != 0; }
  constexpr auto operator<=>(const Id&) const = default;
};

using InodeId = Id<struct InodeTag>;      // never reused; 1 is the root
using ObjectId = Id<struct ObjectTag>;    // never reused; one file in a worker's tier
using WorkerId = Id<struct WorkerTag>;    // lives in the worker's store; an empty store gets a new one
using SessionId = Id<struct SessionTag>;  // one client process
using HandleId = Id<struct HandleTag>;    // one open for write
using Version = Id<struct VersionTag>;    // of an inode's content; 0 before the first seal

inline constexpr InodeId kRootInode{1};

template <class Tag>
std::string to_string(Id<Tag> id) {
  return std::to_string(id.value);
}

}  // namespace forebay

template <class Tag>
struct std::hash<forebay::Id<Tag>> {
  size_t operator()(forebay::Id<Tag> id) const noexcept { return std::hash<uint64_t>{}(id.value); }
};
