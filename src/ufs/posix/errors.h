// What a failed system call on an under store's file means to the caller of the store.
#pragma once

#include <cerrno>
#include <utility>

#include "base/status.h"

namespace forebay::ufs {

// Errors of a NAS that pass by themselves become `busy`.
inline Status translated(Status status) {
  if (!status.is(Code::kRejected)) return status;
  switch (status.error()) {
    case EAGAIN:
    case EINTR:
    case EBUSY:
    case ETIMEDOUT:
    case ESTALE:
    case ENOLCK:
    case ENFILE:
    case EMFILE:
    case ENOMEM: return {Code::kBusy, status.error(), status.message()};
    default: return status;
  }
}
template <class T>
Result<T> translated(Result<T> result) {
  if (!result) return std::unexpected(translated(std::move(result).error()));
  return result;
}

// From the moment a change may be visible, a failure says nothing about it.
inline Result<void> unknown_if_failed(Result<void> result) {
  if (result) return result;
  return unknown_outcome(result.error().message(), result.error().error());
}

}  // namespace forebay::ufs
