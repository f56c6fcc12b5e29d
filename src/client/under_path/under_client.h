// The client with what lies below mount points.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "client/client_impl.h"
#include "client/under_path/under_changes.h"
#include "client/under_path/under_file.h"
#include "client/under_path/under_paths.h"

namespace forebay::client {

// Hands everything to the namespace's own client but what concerns inodes below mount points, and names in directories that
// mounts cover (docs/decisions/0012-paths-below-mounts.md). Owns that client. Any thread.
class UnderClient final : public Client {
 public:
  explicit UnderClient(const std::shared_ptr<Core>& core)
      : core_(core), own_(core), under_(std::make_shared<UnderCore>(core)), paths_(under_, *this), changes_(under_, paths_) {}

  Task<Result<void>> begin() { return own_.begin(); }
  Task<void> stop() override { return own_.stop(); }
  TraceId new_trace() override { return own_.new_trace(); }

  Task<Result<v1::Attr>> lookup(Identity who, InodeId parent, std::string name) override;
  Task<Result<v1::Attr>> get_attr(Identity who, InodeId inode) override;
  Task<Result<v1::Attr>> set_attr(Identity who, v1::SetAttrRequest change, File* handle) override;
  Task<Result<Listed>> read_dir(Identity who, InodeId inode, std::string after, uint32_t limit, bool attributes) override;
  Task<Result<v1::Attr>> make_dir(Identity who, InodeId parent, std::string name, uint32_t mode) override;
  Task<Result<v1::Attr>> make_node(Identity who, v1::MakeNodeRequest request) override;
  Task<Result<v1::Attr>> make_symlink(Identity who, InodeId parent, std::string name, std::string target) override;
  Task<Result<v1::Attr>> link(Identity who, InodeId inode, InodeId parent, std::string name) override;
  Task<Result<void>> unlink(Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> remove_dir(Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> remove_tree(Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> rename(Identity who, v1::RenameRequest request) override;
  Task<Result<v1::StatFsReply>> stat_fs() override { return own_.stat_fs(); }
  Task<Result<Created>> create(Identity who, InodeId parent, std::string name, uint32_t mode, OpenFlags flags,
                               bool exclusive) override;
  Task<Result<std::unique_ptr<File>>> open(Identity who, InodeId inode, OpenFlags flags) override;
  Task<Result<Created>> create_unnamed(Identity who, InodeId parent, uint32_t mode, OpenFlags flags, bool linkable) override;
  Task<Result<v1::Attr>> set_xattr(Identity who, v1::SetXattrRequest request) override;
  Task<Result<std::string>> get_xattr(Identity who, InodeId inode, std::string name) override;
  Task<Result<std::vector<std::string>>> list_xattrs(Identity who, InodeId inode) override;
  Task<Result<v1::Attr>> remove_xattr(Identity who, InodeId inode, std::string name) override;
  v1::Attr with_local_changes(v1::Attr attr) override;
  std::optional<v1::Attr> changed_directory(InodeId directory, Duration not_older) const override;
  Task<Result<v1::Attr>> put(Identity who, NewFile file) override;
  Task<Result<std::vector<Result<v1::Attr>>>> put_many(Identity who, std::vector<NewFile> files) override;
  Task<Result<std::vector<Result<v1::Attr>>>> lookup_many(Identity who, std::vector<EntryName> entries) override;
  Task<Result<std::vector<Result<void>>>> unlink_many(Identity who, std::vector<EntryName> entries) override;
  Task<Result<v1::RestoreReply>> restore(Identity who, InodeId inode, uint64_t offset, uint64_t length) override;
  Task<Result<v1::FreeReply>> free(Identity who, InodeId inode, bool force) override;
  Task<Result<v1::Attr>> set_pinned(Identity who, InodeId inode, bool pinned) override;
  Task<Result<v1::Attr>> set_ttl(Identity who, v1::SetTtlRequest request) override;
  Task<Result<v1::ResolveReply>> resolve(Identity who, std::string path, bool follow) override;
  Task<Result<v1::Layout>> layout(Identity who, InodeId inode, uint64_t offset) override;
  Task<Result<std::vector<v1::WorkerAddress>>> workers() override { return own_.workers(); }
  Task<Result<v1::ReportReply>> report() override { return own_.report(); }
  WriteMemory write_memory() const override {
    const ByteBudget& budget = core_->write_budget;
    return {budget.total(), budget.used(), budget.most_used(), core_->ack_gaps.longest()};
  }
  void when_slowed(std::function<void(int)> changed) override { own_.when_slowed(std::move(changed)); }
  void leave_privilege(std::function<bool(InodeId)> guarded) override { own_.leave_privilege(std::move(guarded)); }
  void describe(std::string text) override { own_.describe(std::move(text)); }
  std::unique_ptr<PersistControl> persistence() override { return own_.persistence(); }

  UnderCore& under() { return *under_; }

 private:
  Task<Result<bool>> is_below(InodeId directory);
  template <class Item>  // has a parent
  Task<Result<bool>> is_any_below(const std::vector<Item>* items);
  Task<Result<v1::Attr>> put_below(Identity who, NewFile file);
  Task<Result<std::unique_ptr<File>>> open_node(Identity who, UnderNode node);
  Task<CachedContent> find_cached(Identity who, UnderNode node);

  const std::shared_ptr<Core> core_;  // shared with open files
  ClientImpl own_;
  const std::shared_ptr<UnderCore> under_;  // shared with open files
  UnderPaths paths_;
  UnderChanges changes_;
};

}  // namespace forebay::client
