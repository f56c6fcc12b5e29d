#include "base/status.h"

#include <cstring>

namespace forebay {

std::string_view code_name(Code code) {
  switch (code) {
    case Code::kRejected: return "rejected";
    case Code::kInvalid: return "invalid";
    case Code::kBusy: return "busy";
    case Code::kElsewhere: return "elsewhere";
    case Code::kStale: return "stale";
    case Code::kUnknown: return "outcome unknown";
    case Code::kCorrupt: return "corrupt";
    case Code::kCancelled: return "cancelled";
    case Code::kBroken: return "broken";
  }
  return "unnamed code";
}

std::string Status::to_string() const {
  char buffer[128];
  std::string text{code_name(code_)};
  text += " (";
  text += strerror_r(error_, buffer, sizeof buffer);
  text += "): ";
  text += message_;
  return text;
}

Status Status::with_context(std::string_view doing) && {
  std::string message{doing};
  message += ": ";
  message += message_;
  return Status(code_, error_, std::move(message)).with_leader(std::move(leader_)).with_trace(trace_);
}

Status Status::with_trace(TraceId trace) && {
  if (!trace_) trace_ = trace;
  return std::move(*this);
}

Status Status::with_leader(std::string address) && {
  leader_ = std::move(address);
  return std::move(*this);
}

Error rejected(int error, std::string message) { return Error(Status(Code::kRejected, error, std::move(message))); }
Error invalid(std::string message) { return Error(Status(Code::kInvalid, EINVAL, std::move(message))); }
Error busy(std::string message) { return Error(Status(Code::kBusy, EAGAIN, std::move(message))); }
Error elsewhere(std::string message, int error) { return Error(Status(Code::kElsewhere, error, std::move(message))); }
Error not_the_leader(std::string leader) {
  std::string message = leader.empty() ? "this master does not lead, and knows of nobody who does" : "this master does not lead";
  return Error(Status(Code::kElsewhere, EHOSTUNREACH, std::move(message)).with_leader(std::move(leader)));
}
Error stale(std::string message) { return Error(Status(Code::kStale, ESTALE, std::move(message))); }
Error unknown_outcome(std::string message, int error) { return Error(Status(Code::kUnknown, error, std::move(message))); }
Error corrupt(std::string message) { return Error(Status(Code::kCorrupt, EIO, std::move(message))); }
Error cancelled(std::string message) { return Error(Status(Code::kCancelled, ECANCELED, std::move(message))); }
Error broken(std::string message) { return Error(Status(Code::kBroken, EIO, std::move(message))); }

Error from_errno(int error, std::string_view doing) {
  char buffer[128];
  std::string message{doing};
  message += ": ";
  message += strerror_r(error, buffer, sizeof buffer);
  return rejected(error == 0 ? EIO : error, std::move(message));
}

int to_errno(const Status& status) {
  switch (status.code()) {
    case Code::kRejected:
    case Code::kInvalid: return status.error();
    case Code::kCancelled: return EINTR;
    // The retries behind these have been used up by the time an application sees them; what is left is an I/O error.
    case Code::kBusy:
    case Code::kElsewhere:
    case Code::kStale:
    case Code::kUnknown:
    case Code::kCorrupt:
    case Code::kBroken: return EIO;
  }
  return EIO;
}

}  // namespace forebay
