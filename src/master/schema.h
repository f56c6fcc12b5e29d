// The master's key-value schema: every key that exists, in one place. Values are the messages of proto/forebay/v1/records.proto.
// The page is docs/formats/metadata.md.
//
// clang-format off
//   key (numbers are 8 bytes, big-endian)        value
//   "F"                                          format version and cluster id
//   "C" counter name                             next unused number (8 bytes, big-endian)
//   "L"                                          where counters that do not exist yet begin (8 bytes), boot id of the last start
//   "T"                                          number of inodes (8 bytes, big-endian)
//   "I" inode                                    InodeRecord
//   "D" parent inode, name                       DentryRecord
//   "V" inode, version                           ExtentListRecord of a sealed version; absent: it has no extents
//   "W" inode                                    ExtentListRecord as last committed, while the inode is dirty; absent: no extents
//   "O" object                                   ObjectRecord
//   "J" object                                   bytes of an inline object
//   "Z"                                          bytes of all inline objects (8 bytes, big-endian)
//   "P" worker, object                           empty: the worker holds, or was granted, a copy
//   "X" worker, object                           empty: the worker has to delete its copy (duty)
//   "Y" worker, object                           8 bytes length: the worker has to seal its copy at this length (duty); was it sealed
//                                                before, 8 more with the checksum that its bytes have to have
//   "H" inode, handle                            HandleRecord (open for write), with the objects granted to it that are not sealed
//   "h" session, handle                          inode (8 bytes)
//   "S" session                                  SessionRecord
//   "R" session, slot (2 bytes: sequence % 1024) OutcomeRecord
//   "N" inode                                    DetachedRecord: without entries, waits until nothing has it open, is then taken apart
//   "M" worker                                   WorkerRecord
//   "t" due (ns), inode                          TtlRecord: the entry is then removed, or the file freed
//   "x" inode, name                              value of an extended attribute
// and for persistence (master/persist/), with values of persist_records.proto:
//   "U" mount                                    MountRecord
//   "G"                                          number of changes of the mapping so far (8 bytes, big-endian)
//   "A" directory inode                          MappingRecord
//   "B" binding                                  BindingRecord
//   "b" inode, binding                           empty: the inode's bindings
//   "c" binding                                  empty: it is in conflict
//   "d" directory inode, order, binding          empty: it waits for its turn, or others for it
//   "K" mount, key                               KeyRecord
//   "Q" due (ns), sequence                       IntentRecord
//   "q" directory inode                          due (ns), sequence of the settle_tree that waits
//   "E" operation                                OperationRecord
//   "p" inode, version, operation                empty: the operation reads this version
//   "f" object                                   FetchRecord: somebody waits for this block
// clang-format on
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/ids.h"
#include "base/status.h"
#include "forebay/v1/persist_records.pb.h"
#include "forebay/v1/records.pb.h"
#include "kv/txn.h"

namespace forebay::master {

inline constexpr uint32_t kMetadataFormat = 1;
inline constexpr uint64_t kOutcomeSlots = 1024;  // retries are recognised within the last so many mutations of a session
inline constexpr size_t kMaxName = 255;          // bytes
inline constexpr size_t kMaxSymlink = 4095;      // bytes
inline constexpr size_t kMaxPath = 4096;         // bytes
inline constexpr uint32_t kMaxLinks = 65'000;

namespace key {

inline std::string numbers(char tag, uint64_t a) {
  std::string key(1, tag);
  append_big_endian(key, a);
  return key;
}
inline std::string numbers(char tag, uint64_t a, uint64_t b) {
  std::string key = numbers(tag, a);
  append_big_endian(key, b);
  return key;
}

inline std::string format() { return "F"; }
inline std::string counter(std::string_view name) { return "C" + std::string(name); }
inline std::string start() { return "L"; }
inline std::string inode_count() { return "T"; }
inline std::string inode(InodeId inode) { return numbers('I', inode.value); }
inline std::string dentries(InodeId parent) { return numbers('D', parent.value); }  // prefix of a directory's entries
inline std::string dentry(InodeId parent, std::string_view name) { return dentries(parent).append(name); }
inline std::string sealed_extents(InodeId inode, Version version) { return numbers('V', inode.value, version.value); }
inline std::string working_extents(InodeId inode) { return numbers('W', inode.value); }
inline std::string object(ObjectId object) { return numbers('O', object.value); }
inline std::string inline_content(ObjectId object) { return numbers('J', object.value); }
inline std::string inline_bytes() { return "Z"; }
inline std::string copy(WorkerId worker, ObjectId object) { return numbers('P', worker.value, object.value); }
inline std::string remove_duty(WorkerId worker, ObjectId object) { return numbers('X', worker.value, object.value); }
inline std::string seal_duty(WorkerId worker, ObjectId object) { return numbers('Y', worker.value, object.value); }
inline std::string handle(InodeId inode, HandleId handle) { return numbers('H', inode.value, handle.value); }
inline std::string session_handle(SessionId session, HandleId handle) { return numbers('h', session.value, handle.value); }
inline std::string session(SessionId session) { return numbers('S', session.value); }
inline std::string outcome(SessionId session, uint64_t sequence) {
  std::string key = numbers('R', session.value);
  uint64_t slot = sequence % kOutcomeSlots;
  key.push_back(static_cast<char>(slot >> 8));
  key.push_back(static_cast<char>(slot & 0xff));
  return key;
}
inline std::string detached(InodeId inode) { return numbers('N', inode.value); }
inline std::string ttl(int64_t due_ns, InodeId inode) { return numbers('t', static_cast<uint64_t>(due_ns), inode.value); }
inline std::string xattrs(InodeId inode) { return numbers('x', inode.value); }  // prefix
inline std::string xattr(InodeId inode, std::string_view name) { return xattrs(inode).append(name); }
inline std::string worker(WorkerId worker) { return numbers('M', worker.value); }

inline std::string numbers(char tag, uint64_t a, uint64_t b, uint64_t c) {
  std::string key = numbers(tag, a, b);
  append_big_endian(key, c);
  return key;
}
inline std::string mount(uint64_t mount) { return numbers('U', mount); }
inline std::string mapping_changes() { return "G"; }
inline std::string mapping(InodeId directory) { return numbers('A', directory.value); }
inline std::string binding(uint64_t binding) { return numbers('B', binding); }
inline std::string inode_bindings(InodeId inode) { return numbers('b', inode.value); }  // prefix
inline std::string inode_binding(InodeId inode, uint64_t binding) { return numbers('b', inode.value, binding); }
inline std::string conflict(uint64_t binding) { return numbers('c', binding); }
inline std::string turns(InodeId directory) { return numbers('d', directory.value); }  // prefix
inline std::string turn(InodeId directory, uint64_t order, uint64_t binding) {
  return numbers('d', directory.value, order, binding);
}
inline std::string stored_key(uint64_t mount, std::string_view key) { return numbers('K', mount).append(key); }
inline std::string intent(int64_t due_ns, uint64_t sequence) { return numbers('Q', static_cast<uint64_t>(due_ns), sequence); }
inline std::string tree_intent(InodeId directory) { return numbers('q', directory.value); }
inline std::string operation(uint64_t operation) { return numbers('E', operation); }
inline std::string pins(InodeId inode) { return numbers('p', inode.value); }                                  // prefix
inline std::string pins(InodeId inode, Version version) { return numbers('p', inode.value, version.value); }  // prefix
inline std::string pin(InodeId inode, Version version, uint64_t operation) {
  return numbers('p', inode.value, version.value, operation);
}

inline std::string fetch(ObjectId object) { return numbers('f', object.value); }

}  // namespace key

// Reads a record: absent → nullopt; bytes that do not parse → `corrupt`, naming the key in hexadecimal.
template <class Record>
Result<std::optional<Record>> read_record(const kv::Reader& reader, std::string_view key);

Status corrupt_record(std::string_view key);

template <class Record>
void write_record(kv::Txn& txn, std::string_view key, const Record& record) {
  txn.put(key, record.SerializeAsString());
}

// ---- implementation ----
template <class Record>
Result<std::optional<Record>> read_record(const kv::Reader& reader, std::string_view key) {
  ASSIGN_OR_RETURN(std::optional<std::string> value, reader.get(key));
  if (!value) return std::optional<Record>{};
  Record record;
  if (!record.ParseFromString(*value)) return std::unexpected(corrupt_record(key));
  return std::optional<Record>(std::move(record));
}

}  // namespace forebay::master
