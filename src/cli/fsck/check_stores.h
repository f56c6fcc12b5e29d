// The part of `forebay admin fsck` that looks into the under stores.
#pragma once

#include "cli/fsck/check_cluster.h"
#include "forebay/v1/admin.pb.h"

namespace forebay::cli {

// Has a live worker list the stores below every mapping, and the master compare that with what it has recorded: what is missing,
// what somebody else has changed, what is ours and recorded nowhere. What is just being changed is looked at twice. What cannot
// be asked is added to `unchecked`. Changes nothing.
void check_stores(Shell& shell, const v1::ReportReply& report, FsckFindings& found);

}  // namespace forebay::cli
