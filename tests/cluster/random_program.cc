#include "random_program.h"

#include <algorithm>
#include <iterator>

namespace forebay::cluster {

namespace {
constexpr size_t kMostOpen = 24;
constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
constexpr size_t kDeepest = 3;
constexpr uint64_t kAnyHandle = 1;  // handles of one client share what they have written: a commit through one is of all
const client::Identity kSuperuser;
}  // namespace

bool RandomProgram::step() {
  struct Choice {
    uint64_t weight;
    const char* name;
    void (RandomProgram::*run)();
  };
  static constexpr Choice kChoices[] = {
      {18, "write", &RandomProgram::write},
      {8, "append", &RandomProgram::append},
      {22, "read", &RandomProgram::read},
      {4, "read elsewhere", &RandomProgram::read_elsewhere},
      {4, "truncate", &RandomProgram::truncate},
      {3, "fallocate", &RandomProgram::fallocate},
      {2, "set size", &RandomProgram::set_size},
      {5, "commit", &RandomProgram::commit},
      {8, "close", &RandomProgram::close},
      {8, "create", &RandomProgram::create},
      {5, "open", &RandomProgram::open},
      {2, "make dir", &RandomProgram::make_dir},
      {1, "symlink", &RandomProgram::symlink},
      {2, "link", &RandomProgram::link},
      {3, "unlink", &RandomProgram::unlink},
      {1, "remove dir", &RandomProgram::remove_dir},
      {1, "remove tree", &RandomProgram::remove_tree},
      {4, "rename", &RandomProgram::rename},
      {1, "set mode", &RandomProgram::set_mode},
      {2, "list", &RandomProgram::list},
      {5, "look", &RandomProgram::look},
  };
  if (facts_.empty()) facts_[tree_.root()] = {.inode = kRootInode};
  uint64_t total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  uint64_t drawn = random_.below(total);
  for (const Choice& choice : kChoices) {
    if (drawn < choice.weight) {
      doing_ = choice.name;
      (this->*choice.run)();
      break;
    }
    drawn -= choice.weight;
  }
  return wrong_.empty();
}

void RandomProgram::fail(const std::string& what) {
  if (wrong_.empty()) wrong_ = doing_ + ": " + what;
}

void RandomProgram::compare(int expected, const Status* error) {
  const int seen = error == nullptr ? 0 : to_errno(*error);
  if (seen == expected) return;
  fail("errno " + std::to_string(seen) + " instead of " + std::to_string(expected) + (error ? ": " + error->to_string() : ""));
}

// ---- choices ----

size_t RandomProgram::client_for(const Node& node) {
  const Facts& facts = facts_.at(node);
  return facts.writers > 0 ? facts.writing_client : any_client();
}

ModelPath RandomProgram::any_directory() {
  const std::vector<ModelPath> all = tree_.directories();
  return all[random_.below(all.size())];
}

ModelPath RandomProgram::any_name() {
  ModelPath path = any_directory();
  path.push_back(kNames[random_.below(std::size(kNames))]);
  return path;
}

ModelPath RandomProgram::any_path_of(ModelNode::Type type) {
  std::vector<ModelPath> found;
  for (const ModelPath& path : tree_.names()) {
    if (tree_.find(path)->type == type) found.push_back(path);
  }
  return found.empty() ? ModelPath{} : found[random_.below(found.size())];
}

RandomProgram::Open* RandomProgram::any_open(bool writable) {
  std::vector<Open*> found;
  for (Open& open : open_) {
    if (writable ? open.flags.write : open.flags.read) found.push_back(&open);
  }
  return found.empty() ? nullptr : found[random_.below(found.size())];
}

client::OpenFlags RandomProgram::any_flags() {
  client::OpenFlags flags;
  flags.write = random_.below(3) != 0;
  flags.read = !flags.write || random_.below(4) != 0;
  flags.append = flags.write && random_.below(5) == 0;
  flags.truncate = flags.write && random_.below(4) == 0;
  flags.stage = cluster_.ways().stages && flags.write;
  return flags;
}

std::string RandomProgram::any_data() {
  static constexpr uint64_t kLengths[] = {10, 200, 4'096, 9'000, 60'000};
  std::string data(random_.below(kLengths[random_.below(20) == 0 ? 4 : random_.below(4)]) + 1, '\0');
  const uint64_t seed = random_.next();
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<char>((seed >> (i % 8 * 8)) + i);
  return data;
}

// ---- names ----

void RandomProgram::make_dir() {
  const ModelPath path = any_name();
  if (path.size() > kDeepest) return;
  const InodeId parent = inode_of(parent_of(path));
  const bool listed = random_.below(2) == 0;
  const uint32_t mode = listed ? 0755 : 0700;
  const int expected = tree_.make_dir(path, mode);
  Result<v1::Attr> made = cluster_.run(client(any_client()).make_dir(kSuperuser, parent, path.back(), mode));
  if (same(expected, made)) facts_[tree_.find(path)] = {.inode = InodeId{made->inode()}};
}

void RandomProgram::symlink() {
  const ModelPath path = any_name();
  const InodeId parent = inode_of(parent_of(path));
  const std::string target = "../" + std::to_string(random_.below(1000));
  const int expected = tree_.symlink(path, target);
  Result<v1::Attr> made = cluster_.run(client(any_client()).make_symlink(kSuperuser, parent, path.back(), target));
  if (same(expected, made)) facts_[tree_.find(path)] = {.inode = InodeId{made->inode()}};
}

void RandomProgram::link() {
  const ModelPath from = any_path_of(ModelNode::Type::kFile), to = any_name();
  if (from.empty()) return;
  const InodeId inode = inode_of(from), parent = inode_of(parent_of(to));
  const int expected = tree_.link(tree_.find(from), to);
  same(expected, cluster_.run(client(any_client()).link(kSuperuser, inode, parent, to.back())));
}

void RandomProgram::unlink() {
  const ModelPath path = any_name();
  const InodeId parent = inode_of(parent_of(path));
  const int expected = tree_.unlink(path);
  same(expected, cluster_.run(client(any_client()).unlink(kSuperuser, parent, path.back())));
}

void RandomProgram::remove_dir() {
  const ModelPath path = any_name();
  const InodeId parent = inode_of(parent_of(path));
  const int expected = tree_.remove_dir(path);
  same(expected, cluster_.run(client(any_client()).remove_dir(kSuperuser, parent, path.back())));
}

void RandomProgram::remove_tree() {
  const ModelPath path = any_name();
  const InodeId parent = inode_of(parent_of(path));
  const int expected = tree_.remove_tree(path);
  same(expected, cluster_.run(client(any_client()).remove_tree(kSuperuser, parent, path.back())));
}

void RandomProgram::rename() {
  const ModelPath from = any_name(), to = any_name();
  v1::RenameRequest request;
  request.set_parent(inode_of(parent_of(from)).value);
  request.set_name(from.back());
  request.set_new_parent(inode_of(parent_of(to)).value);
  request.set_new_name(to.back());
  const uint64_t kind = random_.below(8);
  request.set_no_replace(kind == 0);
  request.set_exchange(kind == 1);
  doing_ += " " + to_text(from) + " to " + to_text(to);
  const int expected = tree_.rename(from, to, kind == 0, kind == 1);
  same(expected, cluster_.run(client(any_client()).rename(kSuperuser, request)));
}

void RandomProgram::set_mode() {
  const ModelPath path = any_path_of(ModelNode::Type::kFile);
  if (path.empty()) return;
  const Node node = tree_.find(path);
  v1::SetAttrRequest request;
  request.set_inode(inode_of(path).value);
  request.set_mode(static_cast<uint32_t>(random_.below(01000)));
  Result<v1::Attr> changed = cluster_.run(client(any_client()).set_attr(kSuperuser, request, nullptr));
  if (same(0, changed)) node->mode = request.mode();
}

void RandomProgram::list() {
  const ModelPath path = any_directory();
  Result<client::Listed> listed = cluster_.run(client(any_client()).read_dir(kSuperuser, inode_of(path), "", 4096, false));
  if (!same(0, listed)) return;
  std::string expected, seen;
  for (const auto& [name, node] : tree_.find(path)->entries) expected += name + " ";
  for (const v1::DirEntry& entry : listed->entries) seen += entry.name() + " ";
  if (expected != seen || !listed->end) fail("'" + seen + "' instead of '" + expected + "'");
}

void RandomProgram::look() {
  const ModelPath path = any_name();
  const Node node = tree_.find(path);
  const size_t by = node ? client_for(node) : any_client();
  Result<v1::Attr> attr = cluster_.run(client(by).lookup(kSuperuser, inode_of(parent_of(path)), path.back()));
  if (!same(node ? 0 : ENOENT, attr)) return;
  if (attr->inode() != inode_of(path).value) return fail("another inode");
  if (!node->is_file()) return;
  if (attr->size() != node->content.current().size()) {
    fail("size " + std::to_string(attr->size()) + " instead of " + std::to_string(node->content.current().size()));
  }
  if (attr->mode() != node->mode) fail("mode " + std::to_string(attr->mode()) + " instead of " + std::to_string(node->mode));
}

// ---- content ----

void RandomProgram::keep(size_t by, Node node, std::unique_ptr<client::File> file, client::OpenFlags flags) {
  Facts& facts = facts_[node];
  facts.inode = file->inode();
  if (flags.write) {
    ++facts.writers;
    facts.writing_client = by;
  }
  if (flags.truncate && !node->content.current().empty()) node->content.adopt("");
  open_.push_back({by, std::move(node), std::move(file), flags});
  if (open_.size() > kMostOpen) close_at(random_.below(open_.size()));
}

void RandomProgram::create() {
  const ModelPath path = any_name();
  const InodeId parent = inode_of(parent_of(path));
  const client::OpenFlags flags = any_flags();
  const Node there = tree_.find(path);
  const size_t by = there ? client_for(there) : any_client();
  const bool exclusive = random_.below(4) == 0;
  doing_ += " " + to_text(path);
  int expected = tree_.create(path, 0644, exclusive);
  if (expected == 0 && there && there->type == ModelNode::Type::kSymlink) expected = ELOOP;
  Result<client::Created> created = cluster_.run(client(by).create(kSuperuser, parent, path.back(), 0644, flags, exclusive));
  if (!same(expected, created)) return;
  if (created->created != !there) return fail("created or not, that is wrong");
  keep(by, tree_.find(path), std::move(created->file), flags);
}

void RandomProgram::open() {
  const ModelPath path = any_path_of(ModelNode::Type::kFile);
  if (path.empty()) return;
  const Node node = tree_.find(path);
  const client::OpenFlags flags = any_flags();
  const size_t by = flags.write ? client_for(node) : any_client();
  doing_ += " " + to_text(path);
  Result<std::unique_ptr<client::File>> opened = cluster_.run(client(by).open(kSuperuser, inode_of(path), flags));
  if (same(0, opened)) keep(by, node, std::move(*opened), flags);
}

void RandomProgram::write() {
  Open* open = any_open(true);
  if (!open) return create();
  const uint64_t size = open->node->content.current().size();
  const uint64_t offset = random_.below(4) == 0 ? size : random_.below(std::min<uint64_t>(size + 5'000, 150'000));
  const std::string data = any_data();
  doing_ += " " + std::to_string(data.size()) + " at " + std::to_string(offset);
  Result<void> written = cluster_.run(open->file->pwrite(as_bytes(data), offset));
  if (same(0, written)) open->node->content.write(offset, data, kAnyHandle);
}

void RandomProgram::append() {
  Open* open = any_open(true);
  if (!open || open->node->content.current().size() > 150'000) return truncate();
  const std::string data = any_data();
  doing_ += " " + std::to_string(data.size());
  Result<void> written = cluster_.run(open->file->append(as_bytes(data)));
  if (same(0, written)) open->node->content.append(data, kAnyHandle);
}

void RandomProgram::read() {
  Open* open = any_open(false);
  if (!open) return;
  const Facts& facts = facts_.at(open->node);
  if (facts.writers > 0 && facts.writing_client != open->client) return check_all_of(*open);
  // What others closed since this was opened is seen after a look at the attributes.
  if (random_.below(4) == 0 || facts.writers == 0) {
    Result<v1::Attr> attr = cluster_.run(open->file->attr());
    if (!same(0, attr)) return;
    if (attr->size() != open->node->content.current().size()) return fail("size " + std::to_string(attr->size()));
  }
  const std::string& expected = open->node->content.current();
  const uint64_t offset = random_.below(expected.size() + 100);
  std::string text(random_.below(random_.below(4) == 0 ? 200'000 : 8'000) + 1, '#');
  Result<size_t> length = cluster_.run(open->file->pread(std::as_writable_bytes(std::span(text)), offset));
  doing_ += " " + std::to_string(text.size()) + " at " + std::to_string(offset);
  if (!same(0, length)) return;
  text.resize(*length);
  const std::string part = offset < expected.size() ? expected.substr(offset, std::max(text.size(), size_t{1})) : "";
  if (offset < expected.size() && text.empty()) return fail("nothing before the end of the file");
  if (text != part) return fail(difference(part, text));
}

// Whole, by a handle of a client that does not write it.
void RandomProgram::check_all_of(Open& open) {
  Result<v1::Attr> attr = cluster_.run(open.file->attr());
  if (!same(0, attr)) return;
  std::string text(attr->size(), '#');
  Result<size_t> length = cluster_.run(open.file->pread(std::as_writable_bytes(std::span(text)), 0));
  if (!same(0, length)) return;
  if (*length != text.size()) return fail("short: " + std::to_string(*length) + " of " + std::to_string(text.size()));
  const std::string why = open.node->content.why_not(text);
  if (!why.empty()) fail("through client " + std::to_string(open.client) + " " + why);
}

void RandomProgram::read_elsewhere() {
  const ModelPath path = any_path_of(ModelNode::Type::kFile);
  if (path.empty()) return;
  const Node node = tree_.find(path);
  const Facts& facts = facts_.at(node);
  const size_t by = facts.writers > 0 ? (facts.writing_client + 1) % cluster_.clients() : any_client();
  Result<std::unique_ptr<client::File>> opened = cluster_.run(client(by).open(kSuperuser, inode_of(path), {}));
  if (!same(0, opened)) return;
  Open open{by, node, std::move(*opened), {}};
  check_all_of(open);
  same(0, cluster_.run(open.file->close()));
}

void RandomProgram::truncate() {
  Open* open = any_open(true);
  if (!open) return;
  const uint64_t size = random_.below(open->node->content.current().size() + 3'000);
  doing_ += " to " + std::to_string(size);
  Result<void> truncated = cluster_.run(open->file->truncate(size));
  if (!same(0, truncated)) return;
  open->node->content.truncate(size, kAnyHandle);
  open->node->content.commit(kAnyHandle);
}

void RandomProgram::fallocate() {
  Open* open = any_open(true);
  if (!open) return;
  const uint64_t size = open->node->content.current().size();
  const uint64_t offset = random_.below(std::min<uint64_t>(size + 3'000, 150'000)), length = 1 + random_.below(20'000);
  const client::FallocateMode mode{.zero = random_.below(4) != 0, .keep_size = random_.below(2) == 0};
  doing_ += std::string(mode.zero ? " zero" : "") + (mode.keep_size ? " keep size" : "") + " " + std::to_string(length) + " at " +
            std::to_string(offset);
  Result<void> done = cluster_.run(open->file->fallocate(offset, length, mode));
  if (!same(mode.zero || !mode.keep_size ? 0 : EOPNOTSUPP, done)) return;
  ModelContent& content = open->node->content;
  const uint64_t end = mode.keep_size ? std::min(offset + length, size) : offset + length;
  if (mode.zero && offset < end) content.write(offset, std::string(end - offset, '\0'), kAnyHandle);
  if (!mode.zero && size < end) content.truncate(end, kAnyHandle);
  content.commit(kAnyHandle);
}

void RandomProgram::set_size() {
  const ModelPath path = any_path_of(ModelNode::Type::kFile);
  if (path.empty()) return;
  const Node node = tree_.find(path);
  v1::SetAttrRequest request;
  request.set_inode(inode_of(path).value);
  request.set_size(random_.below(node->content.current().size() + 3'000));
  Result<v1::Attr> changed = cluster_.run(client(client_for(node)).set_attr(kSuperuser, request, nullptr));
  if (!same(0, changed)) return;
  node->content.truncate(request.size(), kAnyHandle);
  node->content.commit(kAnyHandle);
  if (changed->size() != request.size()) fail("size " + std::to_string(changed->size()));
}

void RandomProgram::commit() {
  Open* open = any_open(true);
  if (!open) return;
  const bool flush = random_.below(2) == 0;
  const v1::Durability level = random_.below(2) == 0 ? v1::DURABILITY_FSYNC : v1::DURABILITY_UNSPECIFIED;
  Result<void> committed = flush ? cluster_.run(open->file->flush()) : cluster_.run(open->file->fsync(level));
  if (same(0, committed)) open->node->content.commit(kAnyHandle);
}

void RandomProgram::close() {
  if (!open_.empty()) close_at(random_.below(open_.size()));
}

void RandomProgram::close_at(size_t index) {
  Open open = std::move(open_[index]);
  open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(index));
  Result<void> closed = cluster_.run(open.file->close());
  if (!same(0, closed) || !open.flags.write) return;
  --facts_.at(open.node).writers;
  open.node->content.commit(kAnyHandle);
}

// ---- the end ----

bool RandomProgram::finish() {
  doing_ = "finish";
  while (wrong_.empty() && !open_.empty()) close_at(open_.size() - 1);
  for (size_t by = 0; wrong_.empty() && by < cluster_.clients(); ++by) {
    for (const ModelPath& path : tree_.names()) {
      const Node node = tree_.find(path);
      if (!node->is_file() || !wrong_.empty()) continue;
      doing_ = "finish " + to_text(path);
      Result<std::unique_ptr<client::File>> opened = cluster_.run(client(by).open(kSuperuser, inode_of(path), {}));
      if (!same(0, opened)) break;
      Open open{by, node, std::move(*opened), {}};
      check_all_of(open);
      same(0, cluster_.run(open.file->close()));
    }
  }
  if (!wrong_.empty()) return false;
  const auto entries = tree_.root()->entries;
  for (const auto& [name, node] : entries) {
    doing_ = "remove " + name;
    same(0, cluster_.run(client(0).remove_tree(kSuperuser, kRootInode, name)));
  }
  doing_ = "reclaim";
  const bool empty = cluster_.world().run_until([this] { return cluster_.objects() == 0; }, std::chrono::minutes(10));
  if (!empty) fail(std::to_string(cluster_.objects()) + " objects are left at the workers");
  return wrong_.empty();
}

}  // namespace forebay::cluster
