// The client: its parts, and one function for each operation.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "client/client.h"
#include "client/core.h"
#include "client/file_state.h"
#include "client/persist_control.h"

namespace forebay::client {

class ClientImpl final : public Client {
 public:
  explicit ClientImpl(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  Task<Result<void>> begin();
  Task<void> stop() override;
  TraceId new_trace() override { return core_->session.new_trace(); }

  // names.cc
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
  Task<Result<v1::StatFsReply>> stat_fs() override;
  v1::Attr with_local_changes(v1::Attr attr) override { return merged(std::move(attr)); }
  std::optional<v1::Attr> changed_directory(InodeId directory, Duration not_older) const override;

  // many.cc
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
  Task<Result<std::vector<v1::WorkerAddress>>> workers() override;
  Task<Result<v1::ReportReply>> report() override;
  void describe(std::string state) override { core_->session.describe(std::move(state)); }
  void when_slowed(std::function<void(int)> changed) override { core_->intake.when_waiting(std::move(changed)); }
  void leave_privilege(std::function<bool(InodeId)> guarded) override { core_->privilege_is_guarded = std::move(guarded); }
  std::unique_ptr<PersistControl> persistence() override;  // persist_control.cc

  // opens.cc
  Task<Result<Created>> create(Identity who, InodeId parent, std::string name, uint32_t mode, OpenFlags flags,
                               bool exclusive) override;
  Task<Result<std::unique_ptr<File>>> open(Identity who, InodeId inode, OpenFlags flags) override;
  Task<Result<Created>> create_unnamed(Identity who, InodeId parent, uint32_t mode, OpenFlags flags, bool linkable) override;

  // xattrs.cc
  Task<Result<v1::Attr>> set_xattr(Identity who, v1::SetXattrRequest request) override;
  Task<Result<std::string>> get_xattr(Identity who, InodeId inode, std::string name) override;
  Task<Result<std::vector<std::string>>> list_xattrs(Identity who, InodeId inode) override;
  Task<Result<v1::Attr>> remove_xattr(Identity who, InodeId inode, std::string name) override;

 private:
  void note_directory(const v1::Attr* after, InodeId directory);
  Task<Result<v1::Attr>> put_large(Identity who, NewFile file);
  Task<Result<size_t>> put_some(Identity who, std::span<const NewFile> files, std::vector<Result<v1::Attr>>* outcomes);
  v1::Placement placement(const OpenFlags& flags) const;
  Task<Result<std::unique_ptr<File>>> opened(Identity who, OpenFlags flags, v1::OpenReply reply, SessionId session,
                                             uint64_t departures, std::shared_ptr<StagedObject> ready_object = nullptr);
  v1::Attr merged(v1::Attr attr);

  const std::shared_ptr<Core> core_;  // shared with open files
  bool stopped_ = false;
};

}  // namespace forebay::client
