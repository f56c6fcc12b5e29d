#include "rpc/error_detail.h"

#include <algorithm>
#include <string>

#include "base/text.h"

namespace forebay::rpc {
namespace {

constexpr int kMaxErrno = 4095;
constexpr size_t kMaxLeader = 300;  // a host name of 253 bytes and a port

}  // namespace

v1::ErrorDetail to_detail(const Status& status) {
  v1::ErrorDetail detail;
  detail.set_code(static_cast<uint32_t>(status.code()));
  detail.set_error(status.error());
  detail.set_message(readable_text(status.message()));
  detail.set_leader(readable_text(status.leader()));
  return detail;
}

Status from_detail(const v1::ErrorDetail& detail) {
  bool named = detail.code() >= static_cast<uint32_t>(Code::kRejected) && detail.code() <= static_cast<uint32_t>(Code::kBroken);
  Code code = named ? static_cast<Code>(detail.code()) : Code::kUnknown;
  int error = detail.error() > 0 && detail.error() <= kMaxErrno ? detail.error() : EIO;
  Status status(code, error, detail.message());
  if (detail.leader().size() > kMaxLeader) return status;
  return std::move(status).with_leader(detail.leader());
}

}  // namespace forebay::rpc
