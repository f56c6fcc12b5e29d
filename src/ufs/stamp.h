// What we write beside the bytes, so that an object can be recognised as ours when every record of it is gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/status.h"

namespace forebay::ufs {

// Travels with an object: as metadata (x-amz-meta-forebay-stamp), a user xattr (user.forebay.stamp), or a side file. An object
// with our cluster's stamp is ours; one without, or with a stamp that does not parse, is foreign. `length` and `crc32c` are of
// the whole content, so that a reader can tell a whole version from anything else. Value.
struct Stamp {
  static constexpr size_t kMostCluster = 64;

  std::string cluster;  // cluster id: letters, digits, '-', '_', '.'
  InodeId inode;
  Version version;
  uint64_t length = 0;
  uint32_t crc32c = 0;
  uint32_t mode = 0644;  // permission bits
  uint32_t uid = 0, gid = 0;
  int64_t mtime_ns = 0;

  bool operator==(const Stamp&) const = default;
  // "1;cluster=…;inode=7;version=2;length=10;crc32c=0a0b0c0d;mode=644;uid=0;gid=0;mtime=1700000000000000000": one line of
  // printable ASCII, below 300 bytes. Format page: docs/formats/stamp.md.
  std::string to_text() const;
  // `corrupt` when it is not such a text; unknown fields are passed over, so that a later version may add some.
  static Result<Stamp> parse(std::string_view text);
};

}  // namespace forebay::ufs
