// Errors as they cross the wire.
#pragma once

#include "base/status.h"
#include "forebay/v1/common.pb.h"

namespace forebay::rpc {

v1::ErrorDetail to_detail(const Status& status);
// A peer may send anything: an unnamed code becomes `unknown`, an impossible errno EIO, an impossible leader none.
Status from_detail(const v1::ErrorDetail& detail);

}  // namespace forebay::rpc
