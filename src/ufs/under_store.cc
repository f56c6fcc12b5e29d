#include "ufs/under_store.h"

namespace forebay::ufs {

Result<void> check_part(uint32_t number, uint64_t offset, uint64_t length, const Limits& limits) {
  if (number == 0) return refused(EINVAL, "parts are numbered from 1");
  if (number > limits.parts)
    return refused(E2BIG, "part " + std::to_string(number) + ": at most " + std::to_string(limits.parts) + " parts are possible");
  if (length > limits.part_bytes) {
    return refused(
        EFBIG, "a part of " + std::to_string(length) + " bytes: at most " + std::to_string(limits.part_bytes) + " are possible");
  }
  if (offset > limits.object_bytes || length > limits.object_bytes - offset) {
    return refused(EFBIG, "an object of more than " + std::to_string(limits.object_bytes) + " bytes");
  }
  return {};
}

Result<void> check_parts(const std::vector<Part>& parts) {
  if (parts.empty()) return refused(EINVAL, "an upload of no parts: an empty object has one empty part");
  uint64_t offset = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].number != i + 1) return refused(EINVAL, "part " + std::to_string(i + 1) + " is missing");
    if (parts[i].offset != offset) {
      return refused(EINVAL, "part " + std::to_string(i + 1) + " begins at " + std::to_string(parts[i].offset) + ", not at " +
                                 std::to_string(offset));
    }
    offset += parts[i].length;
  }
  return {};
}

}  // namespace forebay::ufs
