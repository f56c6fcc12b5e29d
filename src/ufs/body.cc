#include "ufs/body.h"

#include <cstring>

#include "base/check.h"

namespace forebay::ufs {

Task<Result<void>> TextSource::read(uint64_t offset, MutableBytes into) {
  FOREBAY_CHECK(offset <= text_.size() && into.size() <= text_.size() - offset, "a source is read within its length");
  if (!into.empty()) std::memcpy(into.data(), text_.data() + offset, into.size());
  co_return Result<void>{};
}

Task<Result<void>> TextSink::write(Bytes data) {
  if (data.size() > limit_ - text_.size()) co_return rejected(EFBIG, "more than " + std::to_string(limit_) + " bytes");
  text_ += as_text(data);
  co_return Result<void>{};
}

Task<Result<std::string>> read_all(BodySource* source, uint64_t limit) {
  if (source->length() > limit) {
    co_return rejected(EFBIG, std::to_string(source->length()) + " bytes, at most " + std::to_string(limit) + " are taken");
  }
  std::string text(source->length(), '\0');
  CO_TRY(co_await source->read(0, std::as_writable_bytes(std::span(text))));
  co_return text;
}

}  // namespace forebay::ufs
