// What create and open have in common.
#pragma once

#include "master/extents/content.h"
#include "master/extents/layout.h"

namespace forebay::master {

struct OpenTerms {
  v1::Access access = v1::ACCESS_UNSPECIFIED;
  bool truncate = false;
  const v1::Placement* placement = nullptr;  // none: no object is wanted yet
  v1::Durability durability = v1::DURABILITY_UNSPECIFIED;

  bool writes() const { return access == v1::ACCESS_WRITE || access == v1::ACCESS_READ_WRITE; }
};

// Type and mode bits (O_TRUNC needs the one to write): EINVAL (open for what?), EISDIR, ELOOP (a symbolic link), ENXIO (the
// kernel opens FIFOs and devices itself), EACCES.
Result<void> check_may_open(const Caller& caller, const v1::InodeRecord& record, const OpenTerms& terms);

// Truncates, opens for writing if that is asked for, and saves the inode. An object that could not be granted is no error: the
// first Allocate says why.
Result<v1::OpenReply> open_inode(MutationContext& context, InodeId inode, v1::InodeRecord& record, const OpenTerms& terms);

// `content`: what is answered to a change is kept with its outcome, so inline content is left out there.
Result<v1::OpenReply> open_for_read(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record,
                                    InlineContent content = InlineContent::kIncluded);

}  // namespace forebay::master
