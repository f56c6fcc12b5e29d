#include "master/extents/inline.h"

#include "base/crc32c.h"
#include "master/extents/objects.h"

namespace forebay::master {
namespace {

Result<void> add_to_total(kv::Txn& txn, uint64_t change) {
  ASSIGN_OR_RETURN(const uint64_t total, inline_bytes(txn));
  std::string value;
  append_big_endian(value, total + change);
  txn.put(key::inline_bytes(), std::move(value));
  return {};
}

}  // namespace

Result<ObjectId> keep_inline(MutationContext& context, InodeId inode, std::string_view content, uint32_t crc32c) {
  if (content.empty() || content.size() > kMaxInlineContent) {
    return invalid(std::to_string(content.size()) + " bytes of inline content: 1 to " + std::to_string(kMaxInlineContent));
  }
  if (forebay::crc32c(as_bytes(content)) != crc32c) return invalid("inline content is not what its checksum says");
  ASSIGN_OR_RETURN(const uint64_t id, context.next_id("object"));
  v1::ObjectRecord record;
  record.set_inode(inode.value);
  record.set_sealed(true);
  record.set_length(content.size());
  record.set_granted_bytes(content.size());
  record.set_crc32c(crc32c);
  record.set_inlined(true);
  save_object(context.txn, ObjectId{id}, record);
  context.txn.put(key::inline_content(ObjectId{id}), std::string(content));
  TRY(add_to_total(context.txn, content.size()));
  return ObjectId{id};
}

Result<std::string> inline_content(const kv::Reader& reader, ObjectId object, const v1::ObjectRecord& record) {
  ASSIGN_OR_RETURN(std::optional<std::string> content, reader.get(key::inline_content(object)));
  if (!content || content->size() != record.length()) {
    return corrupt("the master has " + std::to_string(content ? content->size() : 0) + " of " + std::to_string(record.length()) +
                   " bytes of inline object " + to_string(object));
  }
  return *std::move(content);
}

Result<void> erase_inline_content(kv::Txn& txn, ObjectId object, const v1::ObjectRecord& record) {
  txn.erase(key::inline_content(object));
  return add_to_total(txn, 0 - record.length());
}

Result<void> check_inline_object(const kv::Reader& reader, ObjectId object, const v1::ObjectRecord& record,
                                 std::vector<std::string>& problems) {
  const std::string name = "object " + to_string(object);
  if (!record.sealed() || !record.workers().empty()) problems.push_back(name + " is inline, and not sealed or on a worker");
  const Result<std::string> content = inline_content(reader, object, record);
  if (!content && !content.error().is(Code::kCorrupt)) return std::unexpected(content.error());
  if (!content)
    problems.push_back(content.error().message());
  else if (crc32c(as_bytes(*content)) != record.crc32c())
    problems.push_back(name + " has other inline content than its checksum says");
  return {};
}

Result<uint64_t> inline_bytes(const kv::Reader& reader) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, reader.get(key::inline_bytes()));
  if (!value) return 0;
  if (value->size() != sizeof(uint64_t)) return std::unexpected(corrupt_record(key::inline_bytes()));
  return read_big_endian(*value);
}

}  // namespace forebay::master
