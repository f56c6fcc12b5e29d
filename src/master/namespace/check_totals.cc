#include <map>

#include "master/extents/inline.h"
#include "master/namespace/check.h"
#include "master/namespace/inode.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

InodeId inode_of(std::string_view key) { return InodeId{read_big_endian(key.substr(1))}; }

// How many entries an inode should have.
uint64_t wanted_entries(InodeId inode, const v1::InodeRecord& record) {
  if (record.type() != v1::FILE_TYPE_DIRECTORY) return record.nlink();
  return is_linked(record) && inode != kRootInode ? 1 : 0;
}

// Records that do not parse are passed over: check_step reports them.
Result<void> each_entry(const kv::Reader& reader, const std::function<void(InodeId)>& each) {
  return reader.scan("D", kv::prefix_end("D"), [&](std::string_view, std::string_view value) {
    v1::DentryRecord entry;
    if (entry.ParseFromArray(value.data(), static_cast<int>(value.size()))) each(InodeId{entry.inode()});
    return true;
  });
}
Result<void> each_inode(const kv::Reader& reader, const std::function<void(InodeId, const v1::InodeRecord*)>& each) {
  v1::InodeRecord record;
  return reader.scan("I", kv::prefix_end("I"), [&](std::string_view key, std::string_view value) {
    const bool good = record.ParseFromArray(value.data(), static_cast<int>(value.size()));
    each(inode_of(key), good ? &record : nullptr);
    return true;
  });
}

// A number that looks random (the finaliser of SplitMix64): sums of them are equal when the summed inodes are, and otherwise
// practically never.
uint64_t mixed(InodeId inode) {
  uint64_t x = inode.value + 0x9e3779b97f4a7c15;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

Result<void> name_wrong_links(const kv::Reader& reader, std::vector<std::string>& problems) {
  std::map<uint64_t, uint64_t> entries;
  TRY(each_entry(reader, [&](InodeId inode) { ++entries[inode.value]; }));
  return each_inode(reader, [&](InodeId inode, const v1::InodeRecord* record) {
    if (record == nullptr) return;
    const uint64_t wanted = wanted_entries(inode, *record);
    if (entries[inode.value] != wanted)
      problems.push_back("inode " + std::to_string(inode.value) + " should have " + std::to_string(wanted) + " entries and has " +
                         std::to_string(entries[inode.value]));
  });
}

}  // namespace

Result<std::vector<std::string>> check_totals(const kv::Reader& reader) {
  std::vector<std::string> problems;
  uint64_t has = 0, should_have = 0, inodes = 0;
  TRY(each_entry(reader, [&](InodeId inode) { has += mixed(inode); }));
  TRY(each_inode(reader, [&](InodeId inode, const v1::InodeRecord* record) {
    ++inodes;
    if (record != nullptr) should_have += wanted_entries(inode, *record) * mixed(inode);
  }));
  if (has != should_have) TRY(name_wrong_links(reader, problems));
  ASSIGN_OR_RETURN(const uint64_t counted, inode_count(reader));
  if (counted != inodes)
    problems.push_back(std::to_string(counted) + " inodes are counted, and there are " + std::to_string(inodes));
  uint64_t kept_inline = 0;
  TRY(reader.scan("J", kv::prefix_end("J"), [&](std::string_view, std::string_view value) {
    kept_inline += value.size();
    return true;
  }));
  ASSIGN_OR_RETURN(const uint64_t counted_inline, inline_bytes(reader));
  if (counted_inline != kept_inline)
    problems.push_back(std::to_string(counted_inline) + " bytes of inline content are counted, and there are " +
                       std::to_string(kept_inline));
  return problems;
}

}  // namespace forebay::master
