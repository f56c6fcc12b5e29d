// Bytes on their way to and from an under store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/bytes.h"
#include "base/status.h"

namespace forebay::ufs {

// Content of known length, pulled by the store in the pieces that suit it. The caller owns it and keeps it until the call that
// uses it has returned. A range may be asked for again (the bytes are hashed before they are sent; a request may be repeated),
// always with the same answer; never two at a time, always on the
// caller's executor. An error is handed to the caller of the store as it is, and nothing becomes
// visible.
class BodySource {
 public:
  virtual ~BodySource() = default;
  virtual uint64_t length() const = 0;
  // Fills `into`, which ends at length() at the latest.
  virtual Task<Result<void>> read(uint64_t offset, MutableBytes into) = 0;
  // The same for bytes that are only looked at now, and sent later: what is counted or held back when it is sent is not here.
  virtual Task<Result<void>> examine(uint64_t offset, MutableBytes into) { return read(offset, into); }
};

// Takes content in order from the first byte asked for. The store waits for each write before the next: that is the flow control.
// What came before an error is a correct beginning of the content. Kept by the caller until the call has returned.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Task<Result<void>> write(Bytes data) = 0;
};

// A source over text that the caller keeps.
class TextSource final : public BodySource {
 public:
  explicit TextSource(std::string_view text) : text_(text) {}
  uint64_t length() const override { return text_.size(); }
  Task<Result<void>> read(uint64_t offset, MutableBytes into) override;

 private:
  const std::string_view text_;
};

// A range of another source, which outlives it.
class RangeSource final : public BodySource {
 public:
  RangeSource(BodySource& whole, uint64_t offset, uint64_t length) : whole_(whole), offset_(offset), length_(length) {}
  uint64_t length() const override { return length_; }
  Task<Result<void>> read(uint64_t offset, MutableBytes into) override { return whole_.read(offset_ + offset, into); }
  Task<Result<void>> examine(uint64_t offset, MutableBytes into) override { return whole_.examine(offset_ + offset, into); }

 private:
  BodySource& whole_;
  const uint64_t offset_, length_;
};

// Collects up to a limit in memory; more is `rejected` EFBIG.
class TextSink final : public BodySink {
 public:
  explicit TextSink(uint64_t limit) : limit_(limit) {}
  Task<Result<void>> write(Bytes data) override;
  const std::string& text() const { return text_; }

 private:
  const uint64_t limit_;
  std::string text_;
};

// The whole of a source in memory, at most `limit` bytes: for stores that live in memory.
Task<Result<std::string>> read_all(BodySource* source, uint64_t limit);

}  // namespace forebay::ufs
