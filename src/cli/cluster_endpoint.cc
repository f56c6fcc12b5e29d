#include <map>
#include <mutex>

#include "cli/endpoint.h"
#include "cli/names.h"
#include "cli/path.h"

namespace forebay::cli {
namespace {

constexpr size_t kMostParents = 65'536;  // directories remembered; then all are forgotten

Node node_of(const v1::Attr& attr) {
  return {.type = attr.type(),
          .mode = attr.mode(),
          .uid = attr.uid(),
          .gid = attr.gid(),
          .size = attr.size(),
          .atime_ns = attr.atime_ns(),
          .mtime_ns = attr.mtime_ns(),
          .target = attr.target(),
          .inode = attr.inode()};
}

class ClusterFile final : public OpenedFile {
 public:
  ClusterFile(Shell& shell, std::string path, std::unique_ptr<client::File> file)
      : shell_(shell), path_(std::move(path)), file_(std::move(file)) {}
  ~ClusterFile() override {
    if (file_) (void)shell_.wait(file_->close());
  }
  Result<size_t> read_at(MutableBytes into, uint64_t offset) override { return named(shell_.wait(file_->pread(into, offset))); }
  Result<void> write_at(Bytes data, uint64_t offset) override { return named(shell_.wait(file_->pwrite(data, offset))); }
  Result<void> finish() override {
    Result<void> closed = named(shell_.wait(file_->close()));
    file_.reset();
    return closed;
  }

 private:
  template <class T>
  Result<T> named(Result<T> result) const {
    if (!result) return std::unexpected(std::move(result).error().with_context(path_));
    return result;
  }
  Shell& shell_;
  const std::string path_;
  std::unique_ptr<client::File> file_;
};

// Remembers the inodes of directories it has been through, so that a file costs no walk of its path. A directory that somebody
// else replaces meanwhile gives ENOENT or ESTALE, never a file in the wrong place.
class ClusterEndpoint final : public Endpoint {
 public:
  ClusterEndpoint(Shell& shell, client::Client& client) : shell_(shell), client_(client) {}

  Result<std::optional<Node>> look(const std::string& path, bool follow) override {
    ASSIGN_OR_RETURN(std::optional<Entry> entry, find(shell_, path, follow ? Links::kFollow : Links::kKeep));
    if (!entry) return std::optional<Node>{};
    return std::optional<Node>(node_of(entry->attr));
  }
  Result<void> list(const std::string& path, const std::function<Result<void>(const std::string&, const Node&)>& each) override {
    ASSIGN_OR_RETURN(Entry directory, get(shell_, path, Links::kFollow));
    return cli::list(shell_, directory, [&](const Entry& entry) -> Result<bool> {
      TRY(each(entry.name, node_of(entry.attr)));
      return true;
    });
  }
  Result<void> make_directory(const std::string& path, uint32_t mode) override {
    ASSIGN_OR_RETURN(Place where, at(path));
    Result<v1::Attr> made = shell_.wait(client_.make_dir(shell_.who(), where.parent, where.name, mode));
    if (!made) return named(path, std::move(made).error());
    remember(where.path, InodeId{made->inode()});
    return {};
  }
  Result<void> make_link(const std::string& path, const std::string& target) override {
    ASSIGN_OR_RETURN(Place where, at(path));
    return outcome(path, shell_.wait(client_.make_symlink(shell_.who(), where.parent, where.name, target)));
  }
  Result<std::unique_ptr<OpenedFile>> open(const std::string& path) override {
    ASSIGN_OR_RETURN(Entry entry, get(shell_, path, Links::kFollow));
    if (entry.is_directory()) return rejected(EISDIR, path);
    Result<std::unique_ptr<client::File>> file = shell_.wait(client_.open(shell_.who(), entry.inode(), {.read = true}));
    if (!file) return named(path, std::move(file).error());
    return std::make_unique<ClusterFile>(shell_, path, *std::move(file));
  }
  Result<std::unique_ptr<OpenedFile>> create(const std::string& path, uint32_t mode, Existing existing) override {
    ASSIGN_OR_RETURN(Place where, at(path));
    client::OpenFlags flags{.read = true, .write = true, .truncate = existing == Existing::kTruncate};
    Result<client::Created> created =
        shell_.wait(client_.create(shell_.who(), where.parent, where.name, mode, flags, existing == Existing::kRefuse));
    if (!created) return named(path, std::move(created).error());
    return std::make_unique<ClusterFile>(shell_, path, std::move(created->file));
  }
  std::vector<Result<void>> put(const std::vector<WholeFile>& files) override {
    std::vector<Result<void>> outcomes(files.size());
    std::vector<client::NewFile> placed;
    std::vector<size_t> indices;
    for (size_t i = 0; i < files.size(); ++i) {
      Result<Place> where = at(files[i].path);
      if (!where) {
        outcomes[i] = std::unexpected(std::move(where).error());
        continue;
      }
      placed.push_back({.parent = where->parent,
                        .name = where->name,
                        .mode = files[i].mode,
                        .content = files[i].content,
                        .exclusive = files[i].existing == Existing::kRefuse});
      indices.push_back(i);
    }
    auto done = shell_.wait(client_.put_many(shell_.who(), std::move(placed)));
    for (size_t n = 0; n < indices.size(); ++n) {
      const std::string& path = files[indices[n]].path;
      outcomes[indices[n]] = done ? outcome(path, (*done)[n]) : Result<void>(named(path, done.error()));
    }
    return outcomes;
  }
  Result<void> remove(const std::string& path) override {
    ASSIGN_OR_RETURN(Place where, at(path));
    return outcome(path, shell_.wait(client_.unlink(shell_.who(), where.parent, where.name)));
  }
  Result<void> remove_directory(const std::string& path) override {
    ASSIGN_OR_RETURN(Place where, at(path));
    forget();
    return outcome(path, shell_.wait(client_.remove_dir(shell_.who(), where.parent, where.name)));
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    ASSIGN_OR_RETURN(Place source, at(from));
    ASSIGN_OR_RETURN(Place target, at(to));
    v1::RenameRequest request;
    request.set_parent(source.parent.value);
    request.set_name(source.name);
    request.set_new_parent(target.parent.value);
    request.set_new_name(target.name);
    forget();
    return outcome(from + " to " + to, shell_.wait(client_.rename(shell_.who(), std::move(request))));
  }
  Result<void> set_attributes(const std::string& path, const Node& node) override {
    ASSIGN_OR_RETURN(Entry entry, get(shell_, path, Links::kKeep));
    v1::SetAttrRequest change;
    change.set_inode(entry.attr.inode());
    change.set_atime_ns(node.atime_ns);
    change.set_mtime_ns(node.mtime_ns);
    if (node.type != v1::FILE_TYPE_SYMLINK) change.set_mode(node.mode);
    TRY(outcome(path, shell_.wait(client_.set_attr(shell_.who(), change, nullptr))));
    if (shell_.who().uid != 0 || (node.uid == entry.attr.uid() && node.gid == entry.attr.gid())) return {};
    v1::SetAttrRequest owner;
    owner.set_inode(entry.attr.inode());
    owner.set_uid(node.uid);
    owner.set_gid(node.gid);
    if (node.type != v1::FILE_TYPE_SYMLINK) owner.set_mode(node.mode);  // a change of owner takes setuid away
    return outcome(path, shell_.wait(client_.set_attr(shell_.who(), owner, nullptr)));
  }

  std::optional<Duration> longest_gap() override {
    const Duration longest = client_.write_memory().longest_gap;
    return longest > Duration{} ? std::optional(longest) : std::nullopt;
  }

 private:
  static Error named(const std::string& path, Status status) { return std::unexpected(std::move(status).with_context(path)); }
  template <class T>
  static Result<void> outcome(const std::string& path, const Result<T>& result) {
    if (!result) return named(path, result.error());
    return {};
  }
  Result<Place> at(const std::string& path) {
    ASSIGN_OR_RETURN(std::string normal, normalize_path(path));
    auto [directory, name] = split_path(normal);
    if (name != "..") {
      std::lock_guard lock(mutex_);
      if (auto known = parents_.find(directory); known != parents_.end()) return Place{normal, known->second, name};
    }
    ASSIGN_OR_RETURN(Place where, place(shell_, normal));
    if (where.name == name) remember(directory, where.parent);
    return where;
  }
  void remember(const std::string& path, InodeId inode) {
    std::lock_guard lock(mutex_);
    if (parents_.size() >= kMostParents) parents_.clear();
    parents_[path] = inode;
  }
  void forget() {
    std::lock_guard lock(mutex_);
    parents_.clear();
  }

  Shell& shell_;
  client::Client& client_;
  std::mutex mutex_;
  std::map<std::string, InodeId> parents_;
};

}  // namespace

std::vector<Result<void>> Endpoint::put(const std::vector<WholeFile>& files) {
  std::vector<Result<void>> outcomes;
  for (const WholeFile& file : files) {
    Result<std::unique_ptr<OpenedFile>> to = create(file.path, file.mode, file.existing);
    Result<void> put = to ? Result<void>{} : Result<void>(std::unexpected(to.error()));
    if (put && !file.content.empty()) put = (*to)->write_at(file.content, 0);
    if (put) put = (*to)->finish();
    if (to && !put) {
      to->reset();
      (void)remove(file.path);
    }
    outcomes.push_back(std::move(put));
  }
  return outcomes;
}

Result<std::unique_ptr<Endpoint>> cluster_endpoint(Shell& shell) {
  ASSIGN_OR_RETURN(client::Client * client, shell.client());
  return std::make_unique<ClusterEndpoint>(shell, *client);
}

}  // namespace forebay::cli
