#include "master/namespace/reclaim.h"

#include <algorithm>

#include "base/check.h"

#include "master/extents/content.h"
#include "master/extents/objects.h"
#include "master/namespace/entry.h"
#include "master/namespace/xattr.h"
#include "master/persist/hooks.h"

namespace forebay::master {
namespace {

struct Contents {
  ExtentList sealed, working;
};

Result<Contents> load_lists(const kv::Reader& reader, InodeId inode, const v1::InodeRecord& record) {
  Contents contents;
  Version version{record.version()};
  if (version) {
    ASSIGN_OR_RETURN(contents.sealed, load_list(reader, key::sealed_extents(inode, version)));
  }
  if (record.dirty()) {
    ASSIGN_OR_RETURN(contents.working, load_list(reader, key::working_extents(inode)));
  }
  return contents;
}

ObjectIds objects_of(const Contents& contents) {
  ObjectIds objects = contents.sealed.objects();
  ObjectIds working = contents.working.objects();
  ObjectIds all;
  std::ranges::set_union(objects, working, std::back_inserter(all));
  return all;
}

Result<void> remove_objects(kv::Txn& txn, std::span<const ObjectId> objects) {
  for (ObjectId object : objects) {
    ASSIGN_OR_RETURN(std::optional<v1::ObjectRecord> record, load_object(txn, object));
    if (record) TRY(remove_object(txn, object, *record));
  }
  return {};
}

void erase_lists(MutationContext& context, InodeId inode, const v1::InodeRecord& record, const Contents& contents) {
  if (!contents.sealed.empty()) context.txn.erase(key::sealed_extents(inode, Version{record.version()}));
  if (!contents.working.empty()) context.txn.erase(key::working_extents(inode));
}

bool may_hold_content(const v1::InodeRecord& record) {
  return record.type() == v1::FILE_TYPE_REGULAR && (record.stored_bytes() != 0 || record.dirty());
}

bool is_open(const MutationContext& context, InodeId inode, const v1::InodeRecord& record) {
  return record.writers() != 0 || record.pins() != 0 || context.open_reads.is_open(inode);
}

// All of a small file; false when it is for the background.
Result<bool> release_at_once(MutationContext& context, InodeId inode, v1::InodeRecord& record) {
  ASSIGN_OR_RETURN(const bool bare, erase_xattrs(context.txn, inode, record, kReleaseAtOnce));
  if (!bare) return false;
  if (may_hold_content(record)) {
    ASSIGN_OR_RETURN(Contents contents, load_lists(context.txn, inode, record));
    ObjectIds objects = objects_of(contents);
    if (objects.size() > kReleaseAtOnce) return false;
    TRY(remove_objects(context.txn, objects));
    erase_lists(context, inode, record, contents);
  }
  TRY(erase_inode(context, inode));
  return true;
}

// Extended attributes last: as long as there are objects or entries, nothing is written for them.
Result<Reclaimed> finish(MutationContext& context, InodeId inode, v1::InodeRecord& record, size_t budget) {
  ASSIGN_OR_RETURN(const bool bare, erase_xattrs(context.txn, inode, record, budget));
  if (!bare) {
    save_inode(context.txn, inode, record);
    return Reclaimed::kMore;
  }
  context.txn.erase(key::detached(inode));
  TRY(erase_inode(context, inode));
  return Reclaimed::kDone;
}

void save_cursor(kv::Txn& txn, InodeId inode, v1::DetachedRecord& detached, std::string cursor) {
  detached.set_cursor(std::move(cursor));
  write_record(txn, key::detached(inode), detached);
}

// The cursor counts the objects done, in the order of their ids: the lists of a detached file without writers do not change.
Result<Reclaimed> reclaim_file(MutationContext& context, InodeId inode, v1::InodeRecord& record, v1::DetachedRecord& detached,
                               size_t budget) {
  ASSIGN_OR_RETURN(Contents contents, load_lists(context.txn, inode, record));
  ObjectIds objects = objects_of(contents);
  size_t done = detached.cursor().size() == sizeof(uint64_t) ? read_big_endian(detached.cursor()) : 0;
  done = std::min(done, objects.size());
  size_t now = std::min(budget, objects.size() - done);
  TRY(remove_objects(context.txn, std::span(objects).subspan(done, now)));
  done += now;
  if (done == objects.size()) {
    ASSIGN_OR_RETURN(const Reclaimed finished, finish(context, inode, record, budget));
    if (finished == Reclaimed::kDone) erase_lists(context, inode, record, contents);
    return finished;
  }
  std::string cursor;
  append_big_endian(cursor, done);
  save_cursor(context.txn, inode, detached, std::move(cursor));
  return Reclaimed::kMore;
}

struct Child {
  std::string name;
  Entry entry;
};

Result<std::vector<Child>> next_children(const kv::Reader& reader, InodeId directory, std::string_view after, size_t limit) {
  std::vector<Child> children;
  std::optional<Status> failure;
  std::string prefix = key::dentries(directory);
  TRY(reader.scan(key::dentry(directory, after), kv::prefix_end(prefix), [&](std::string_view key, std::string_view value) {
    v1::DentryRecord record;
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      failure = corrupt_record(key);
      return false;
    }
    children.push_back({std::string(key.substr(prefix.size())), {InodeId{record.inode()}, record.type(), record.binding()}});
    return children.size() < limit;
  }));
  if (failure) return std::unexpected(std::move(*failure));
  return children;
}

// The cursor is the last name taken: what was erased before it need not be walked over again.
Result<Reclaimed> reclaim_directory(MutationContext& context, InodeId inode, v1::InodeRecord& record,
                                    v1::DetachedRecord& detached, size_t budget) {
  ASSIGN_OR_RETURN(std::vector<Child> children, next_children(context.txn, inode, detached.cursor(), budget));
  for (const Child& child : children) {
    context.txn.erase(key::dentry(inode, child.name));
    ASSIGN_OR_RETURN(v1::InodeRecord below, load_inode(context.txn, child.entry.inode));
    if (below.type() == v1::FILE_TYPE_DIRECTORY && below.size() == 0) {
      TRY(drop_directory(context, child.entry.inode, below));
    } else if (below.type() == v1::FILE_TYPE_DIRECTORY) {
      detach(context, child.entry.inode, below);
    } else {
      TRY(entry_removed(context, child.entry, below));
      TRY(drop_link(context, child.entry.inode, below));
    }
  }
  if (children.size() == budget) {
    save_cursor(context.txn, inode, detached, children.back().name);
    return Reclaimed::kMore;
  }
  if (context.open_reads.is_open(inode)) return Reclaimed::kWaits;
  return finish(context, inode, record, budget);
}

}  // namespace

Result<void> drop_link(MutationContext& context, InodeId inode, v1::InodeRecord& record) {
  record.set_ctime_ns(os::unix_nanos(context.now));
  if (record.nlink() > 1) {
    record.set_nlink(record.nlink() - 1);
    save_inode(context.txn, inode, record);
    return {};
  }
  if (!is_open(context, inode, record)) {
    ASSIGN_OR_RETURN(bool released, release_at_once(context, inode, record));
    if (released) return {};
  }
  detach(context, inode, record);
  return {};
}

Result<void> drop_directory(MutationContext& context, InodeId inode, v1::InodeRecord& record) {
  if (!context.open_reads.is_open(inode)) {
    ASSIGN_OR_RETURN(const bool bare, erase_xattrs(context.txn, inode, record, kReleaseAtOnce));
    if (bare) return erase_inode(context, inode);
  }
  record.set_ctime_ns(os::unix_nanos(context.now));
  detach(context, inode, record);
  return {};
}

void detach(MutationContext& context, InodeId inode, v1::InodeRecord& record) {
  record.set_nlink(0);
  save_inode(context.txn, inode, record);
  v1::DetachedRecord detached;
  detached.set_since_ns(os::unix_nanos(context.now));
  write_record(context.txn, key::detached(inode), detached);
}

Result<Reclaimed> reclaim_step(MutationContext& context, InodeId inode, size_t budget) {
  FOREBAY_CHECK(budget > 0, "a step needs a budget");
  ASSIGN_OR_RETURN(std::optional<v1::DetachedRecord> detached,
                   read_record<v1::DetachedRecord>(context.txn, key::detached(inode)));
  if (!detached) return Reclaimed::kDone;
  ASSIGN_OR_RETURN(v1::InodeRecord record, load_inode(context.txn, inode));
  if (record.type() == v1::FILE_TYPE_DIRECTORY) return reclaim_directory(context, inode, record, *detached, budget);
  if (is_open(context, inode, record)) return Reclaimed::kWaits;
  return reclaim_file(context, inode, record, *detached, budget);
}

}  // namespace forebay::master
