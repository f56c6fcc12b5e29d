// Status, Result and the macros that hand errors on. Every fallible function in Forebay returns one of these; exceptions do not
// cross a module.
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

#include "base/trace_id.h"

namespace forebay {

// Says what the caller does next. The cause in POSIX terms travels beside it as an errno.
enum class Code : uint8_t {
  kRejected = 1,  // a final answer to a well-formed question; errno says which (ENOENT, EEXIST, ENOSPC, …): give up
  kInvalid,       // malformed input, configuration or message: give up, and tell whoever wrote it
  kBusy,          // not done, nothing changed: the same request may be sent here again after a pause
  kElsewhere,     // not done here: another worker or master can do it (not the leader, tier full, copy missing)
  kStale,         // the caller's view is out of date (layout, session): refresh it, then do the operation again
  kUnknown,       // may or may not have happened (connection lost, deadline passed): ask again with the same request id
  kCorrupt,       // bytes do not match their checksum: never retried silently, try another copy
  kCancelled,     // stopped by the caller's own stop token or shutdown: nothing to do
  kBroken,        // a component has stopped accepting work (failed fsync, unknown journal outcome): an operator has to look
};

std::string_view code_name(Code code);

// What went wrong, in terms of what to do next. Cheap to move; copied only for logs. Value type, any thread.
class [[nodiscard]] Status {
 public:
  Status(Code code, int error, std::string message) : code_(code), error_(error), message_(std::move(message)) {}

  Code code() const { return code_; }
  int error() const { return error_; }  // errno, never 0
  const std::string& message() const { return message_; }
  const std::string& leader() const { return leader_; }  // with `elsewhere`: host:port of the master to ask; empty: not known
  std::string to_string() const;                         // "rejected (No such file or directory): lookup 'a' in inode 7"

  // Adds what was being done, and with which object, in front of the message.
  Status with_context(std::string_view doing) &&;
  Status with_leader(std::string address) &&;
  Status with_trace(TraceId trace) &&;  // keeps one that is there already

  TraceId trace() const { return trace_; }  // of the operation that failed; none: it was no client's

  bool is(Code code) const { return code_ == code; }
  bool is_errno(int error) const { return error_ == error; }

 private:
  Code code_;
  int error_;
  std::string message_;
  std::string leader_;
  TraceId trace_;
};

template <class T>
using Result = std::expected<T, Status>;
using Error = std::unexpected<Status>;

// Constructors by meaning. `rejected` takes the errno that the application will see.
Error rejected(int error, std::string message);
Error invalid(std::string message);  // EINVAL
Error busy(std::string message);     // EAGAIN
Error elsewhere(std::string message, int error = EHOSTUNREACH);
Error not_the_leader(std::string leader);  // `elsewhere`; empty: nobody knows who leads
Error stale(std::string message);          // ESTALE
Error unknown_outcome(std::string message, int error = ETIMEDOUT);
Error corrupt(std::string message);    // EIO
Error cancelled(std::string message);  // ECANCELED
Error broken(std::string message);     // EIO
// From a failed system call: ENOSPC, EACCES, EIO and so on stay what they are; `doing` names the object.
Error from_errno(int error, std::string_view doing);

// The errno that an application gets for this status. The only place where the mapping is made.
int to_errno(const Status& status);

}  // namespace forebay

#define FOREBAY_CONCAT_INNER(a, b) a##b
#define FOREBAY_CONCAT(a, b) FOREBAY_CONCAT_INNER(a, b)

// TRY(expression): returns the error, if any, from this function.
#define TRY(...)                                                   \
  do {                                                             \
    if (auto try_result = (__VA_ARGS__); !try_result) [[unlikely]] \
      return ::std::unexpected(::std::move(try_result).error());   \
  } while (false)
// ASSIGN_OR_RETURN(auto x, expression): the value, or the error from this function.
#define ASSIGN_OR_RETURN(declaration, ...) \
  FOREBAY_ASSIGN_OR(FOREBAY_CONCAT(assign_result_, __LINE__), return, declaration, __VA_ARGS__)
// The same inside coroutines; the expression may contain co_await.
#define CO_TRY(...)                                                 \
  do {                                                              \
    auto try_result = (__VA_ARGS__);                                \
    if (!try_result) [[unlikely]]                                   \
      co_return ::std::unexpected(::std::move(try_result).error()); \
  } while (false)
#define CO_ASSIGN_OR_RETURN(declaration, ...) \
  FOREBAY_ASSIGN_OR(FOREBAY_CONCAT(assign_result_, __LINE__), co_return, declaration, __VA_ARGS__)
#define FOREBAY_ASSIGN_OR(result, leave, declaration, ...) \
  auto result = (__VA_ARGS__);                             \
  if (!result) [[unlikely]]                                \
    leave ::std::unexpected(::std::move(result).error());  \
  declaration = *::std::move(result)
