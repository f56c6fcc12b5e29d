// A client without a cluster, for tests of the mount.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "client/client.h"
#include "client/persist_control.h"

namespace forebay::fuse {

// The whole namespace in memory, with POSIX semantics for everything the kernel does not do by itself under default_permissions
// (which checks access). Answers at once. Any thread. Owned by the test; files outlive neither the client nor its stop().
// Limits: files of 1 GiB; content is kept dense.
class FakeClient : public client::Client {
 public:
  static constexpr uint64_t kMaxFileBytes = 1 * kGiB;

  FakeClient();
  ~FakeClient() override;

  // What the test looks at, or arranges.
  void fail_next_flush(int error);
  size_t open_files() const;
  uint64_t calls(const std::string& operation) const;
  // Changes a file as another client would: the mount is not told.
  void write_elsewhere(const std::string& path, std::string content);
  // So many opens by inode find that another client has just put a new file of the same content in this one's place.
  void replace_before_opens(const std::string& path, int opens);
  Result<std::string> content(const std::string& path) const;

  Task<void> stop() override { co_return; }
  Task<Result<v1::Attr>> lookup(client::Identity who, InodeId parent, std::string name) override;
  Task<Result<v1::Attr>> get_attr(client::Identity who, InodeId inode) override;
  Task<Result<v1::Attr>> set_attr(client::Identity who, v1::SetAttrRequest change, client::File* handle) override;
  Task<Result<client::Listed>> read_dir(client::Identity who, InodeId inode, std::string after, uint32_t limit,
                                        bool attributes) override;
  TraceId new_trace() override { return {1, ++traces_}; }
  Task<Result<v1::Attr>> make_dir(client::Identity who, InodeId parent, std::string name, uint32_t mode) override;
  Task<Result<v1::Attr>> make_node(client::Identity who, v1::MakeNodeRequest request) override;
  Task<Result<v1::Attr>> make_symlink(client::Identity who, InodeId parent, std::string name, std::string target) override;
  Task<Result<v1::Attr>> link(client::Identity who, InodeId inode, InodeId parent, std::string name) override;
  Task<Result<void>> unlink(client::Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> remove_dir(client::Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> remove_tree(client::Identity who, InodeId parent, std::string name) override;
  Task<Result<void>> rename(client::Identity who, v1::RenameRequest request) override;
  Task<Result<v1::StatFsReply>> stat_fs() override;
  Task<Result<client::Created>> create(client::Identity who, InodeId parent, std::string name, uint32_t mode,
                                       client::OpenFlags flags, bool exclusive) override;
  Task<Result<std::unique_ptr<client::File>>> open(client::Identity who, InodeId inode, client::OpenFlags flags) override;
  v1::Attr with_local_changes(v1::Attr attr) override;
  std::optional<v1::Attr> changed_directory(InodeId directory, Duration not_older) const override;
  Task<Result<v1::Attr>> put(client::Identity who, client::NewFile file) override;
  Task<Result<std::vector<Result<v1::Attr>>>> put_many(client::Identity who, std::vector<client::NewFile> files) override;
  Task<Result<std::vector<Result<v1::Attr>>>> lookup_many(client::Identity who, std::vector<client::EntryName> entries) override;
  Task<Result<std::vector<Result<void>>>> unlink_many(client::Identity who, std::vector<client::EntryName> entries) override;
  Task<Result<client::Created>> create_unnamed(client::Identity who, InodeId parent, uint32_t mode, client::OpenFlags flags,
                                               bool linkable) override;
  Task<Result<v1::Attr>> set_xattr(client::Identity who, v1::SetXattrRequest request) override;
  Task<Result<std::string>> get_xattr(client::Identity who, InodeId inode, std::string name) override;
  Task<Result<std::vector<std::string>>> list_xattrs(client::Identity who, InodeId inode) override;
  Task<Result<v1::Attr>> remove_xattr(client::Identity who, InodeId inode, std::string name) override;
  Task<Result<v1::RestoreReply>> restore(client::Identity who, InodeId inode, uint64_t offset, uint64_t length) override;
  Task<Result<v1::FreeReply>> free(client::Identity who, InodeId inode, bool force) override;
  Task<Result<v1::Attr>> set_ttl(client::Identity who, v1::SetTtlRequest request) override;
  Task<Result<v1::Attr>> set_pinned(client::Identity who, InodeId inode, bool pinned) override;
  Task<Result<v1::ResolveReply>> resolve(client::Identity who, std::string path, bool follow) override;
  Task<Result<v1::Layout>> layout(client::Identity who, InodeId inode, uint64_t offset) override;
  Task<Result<std::vector<v1::WorkerAddress>>> workers() override;
  Task<Result<v1::ReportReply>> report() override;
  std::unique_ptr<client::PersistControl> persistence() override;  // null: nothing asks for it through a mount

 private:
  friend class FakeFile;
  std::atomic<uint64_t> traces_ = 0;
  struct Node {
    v1::Attr attr;
    InodeId parent;  // of a directory
    std::map<std::string, InodeId> children;
    std::string content;
    std::map<std::string, std::string> xattrs;
    size_t opens = 0;
    bool linkable = false;
  };

  // All below: mutex_ is held.
  Result<Node*> node(InodeId inode);
  Result<Node*> directory(InodeId inode);
  Result<Node*> child(InodeId parent, const std::string& name);
  Result<Node*> walk(const std::string& path);
  Result<Node*> add(const client::Identity& who, InodeId parent, const std::string& name, v1::FileType type, uint32_t mode);
  void detach(Node* parent, const std::string& name);
  void drop_if_unused(InodeId inode);
  void move(Node* from, const std::string& name, Node* to, const std::string& new_name);
  void exchange(Node* from, const std::string& name, Node* to, const std::string& new_name);
  void arrived(Node* moved, Node* from, Node* to);
  Result<void> may_replace(Node* moved, InodeId new_parent, Node* target);
  void replace();
  void resize(Node* node, uint64_t size);
  int64_t next_time();  // never repeats, so that a change is always seen
  void modified(Node* node);
  void drop_privilege(Node* node, const client::Identity& who);
  void xattrs_changed(Node* node);
  std::unique_ptr<client::File> open_node(const client::Identity& who, Node* node, client::OpenFlags flags);

  mutable std::mutex mutex_;
  std::unordered_map<InodeId, Node> nodes_;
  std::map<std::string, uint64_t> calls_;
  std::string replaced_path_;
  int replacements_ = 0;
  uint64_t next_inode_ = 2;
  int64_t last_time_ = 0;
  int fail_next_flush_ = 0;
};

}  // namespace forebay::fuse
