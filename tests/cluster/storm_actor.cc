#include "storm_actor.h"

#include <algorithm>
#include <utility>

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
const client::Identity kSuperuser;
constexpr const char* kDirectories[] = {"", "", "/d0", "/d1", "/d1/e"};
constexpr uint64_t kFiles = 8, kSharedFiles = 4;

}  // namespace

StormActor::StormActor(Parts parts, uint32_t number)
    : parts_(std::move(parts)), number_(number), random_(parts_.world.random("storm actor " + std::to_string(number))) {
  parts_.contents.add("");
}

Task<void> StormActor::run(StormActor* actor) {
  (void)co_await actor->make_dir(actor->home(""));
  while (!actor->stopping_ && actor->done_ < actor->parts_.operations) {
    for (const char* below : {"/d0", "/d1", "/d1/e"}) (void)co_await actor->make_dir(actor->home(below));
    Result<void> done = co_await actor->one();
    ++actor->done_;
    if (!done) ++actor->failed_;
    // Mostly at once, sometimes after a while: uploads are met at all their steps.
    const uint64_t pause = actor->random_.one_in(20) ? actor->random_.below(5'000) : actor->random_.below(40);
    co_await actor->parts_.world.time().wait_until(actor->parts_.world.time().now() + milliseconds(pause));
  }
  actor->over_ = true;
}

StormActor::Done StormActor::one() {
  struct Choice {
    uint64_t weight;
    Done (StormActor::*run)();
  };
  static constexpr Choice kChoices[] = {
      {12, &StormActor::write_any},
      {4, &StormActor::append},
      {3, &StormActor::overwrite},
      {3, &StormActor::truncate},
      {4, &StormActor::rename},
      {1, &StormActor::exchange},
      {2, &StormActor::swap},
      {6, &StormActor::checkpoint},
      {2, &StormActor::rename_directory},
      {3, &StormActor::remove},
      {2, &StormActor::remove_and_write},
      {1, &StormActor::remove_tree},
      {2, &StormActor::link},
      {2, &StormActor::pass_on},
      {2, &StormActor::take},
      {1, &StormActor::set_mode},
      {3, &StormActor::read},
      {3, &StormActor::free},
      {2, &StormActor::save_set},
  };
  uint64_t total = 0;
  for (const Choice& choice : kChoices) total += choice.weight;
  uint64_t drawn = random_.below(total);
  for (const Choice& choice : kChoices) {
    if (drawn < choice.weight) return (this->*choice.run)();
    drawn -= choice.weight;
  }
  return read();
}

// ---- names ----

std::string StormActor::any_name() {
  return home(kDirectories[random_.below(std::size(kDirectories))]) + "/f" + std::to_string(random_.below(kFiles));
}

std::string StormActor::any_shared() { return shared("s" + std::to_string(random_.below(kSharedFiles))); }

Task<Result<StormActor::Place>> StormActor::place(std::string path) {
  Task<Result<v1::ResolveReply>> resolving = parts_.client.resolve(kSuperuser, path, false);
  CO_ASSIGN_OR_RETURN(const v1::ResolveReply reply, co_await std::move(resolving));
  co_return Place{InodeId{reply.parent()}, reply.name()};
}

Task<Result<InodeId>> StormActor::find(std::string path) {
  Task<Result<v1::ResolveReply>> resolving = parts_.client.resolve(kSuperuser, path, false);
  CO_ASSIGN_OR_RETURN(const v1::ResolveReply reply, co_await std::move(resolving));
  if (!reply.has_attr()) co_return rejected(ENOENT, path);
  co_return InodeId{reply.attr().inode()};
}

StormActor::Done StormActor::make_dir(std::string path) {
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(std::move(path)));
  CO_TRY(co_await parts_.client.make_dir(kSuperuser, at.directory, at.name, 0755));
  co_return Result<void>{};
}

StormActor::Done StormActor::move(std::string from, std::string to, bool exchange) {
  CO_ASSIGN_OR_RETURN(const Place source, co_await place(std::move(from)));
  CO_ASSIGN_OR_RETURN(const Place target, co_await place(std::move(to)));
  v1::RenameRequest request;
  request.set_parent(source.directory.value);
  request.set_name(source.name);
  request.set_new_parent(target.directory.value);
  request.set_new_name(target.name);
  request.set_exchange(exchange);
  co_return co_await parts_.client.rename(kSuperuser, request);
}

// ---- content ----

std::string StormActor::any_content() {
  static constexpr uint64_t kLengths[] = {0, 10, 300, 5'000, 20'000};
  const uint64_t length = random_.one_in(25) ? 66'000 + random_.below(60'000) : kLengths[random_.below(std::size(kLengths))];
  std::string content = std::to_string(number_) + "." + std::to_string(++contents_) + " ";
  const size_t head = content.size();
  content.resize(length);
  for (size_t i = head; i < length; ++i) content[i] = static_cast<char>('a' + (i * 7 + contents_) % 26);
  return content;
}

StormActor::Done StormActor::write(std::string path, std::string content) {
  parts_.contents.add(content);
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(std::move(path)));
  const client::OpenFlags flags{.read = true, .write = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(client::Created created,
                      co_await parts_.client.create(kSuperuser, at.directory, at.name, 0644, flags, false));
  Result<void> written = co_await created.file->pwrite(as_bytes(content), 0);
  Result<void> closed = co_await created.file->close();
  CO_TRY(written);
  co_return closed;
}

StormActor::Done StormActor::write_any() {
  std::string content = any_content();
  return write(any_name(), std::move(content));
}

// Where the under store wins, the file may become another one between its length and its bytes.
Task<Result<std::string>> StormActor::content_of(client::File* file) {
  for (;;) {
    CO_ASSIGN_OR_RETURN(const v1::Attr before, co_await file->attr());
    std::string content(before.size(), '\0');
    CO_ASSIGN_OR_RETURN(const size_t read,
                        co_await file->pread(std::as_writable_bytes(std::span(content.data(), content.size())), 0));
    CO_ASSIGN_OR_RETURN(const v1::Attr after, co_await file->attr());
    content.resize(read);
    if (before.version() == after.version()) co_return content;
  }
}

// From what is there to what the change makes of it, by the one call that does it.
StormActor::Done StormActor::change(std::string path, Change change) {
  CO_ASSIGN_OR_RETURN(const InodeId inode, co_await find(std::move(path)));
  CO_ASSIGN_OR_RETURN(File file, co_await parts_.client.open(kSuperuser, inode, {.read = true, .write = true}));
  Result<std::string> before = co_await content_of(file.get());
  Result<void> changed = before ? Result<void>{} : std::unexpected(before.error());
  if (before) {
    const std::string after = change(*before);
    parts_.contents.add(after);
    const size_t same = static_cast<size_t>(std::ranges::mismatch(*before, after).in1 - before->begin());
    if (after.size() <= before->size() && same == after.size()) {
      changed = co_await file->truncate(after.size());
    } else {
      changed = co_await file->pwrite(as_bytes(after).subspan(same), same);
    }
  }
  Result<void> closed = co_await file->close();
  CO_TRY(changed);
  co_return closed;
}

StormActor::Done StormActor::append() {
  Change grow = [more = any_content()](std::string content) { return content.size() > 200'000 ? content : content + more; };
  return change(any_name(), std::move(grow));
}

StormActor::Done StormActor::overwrite() {
  Change patch = [more = any_content(), at = random_.below(5'000)](std::string content) {
    const size_t offset = std::min<size_t>(at, content.size());
    if (content.size() < offset + more.size()) content.resize(offset + more.size());
    return content.replace(offset, more.size(), more);
  };
  return change(any_name(), std::move(patch));
}

StormActor::Done StormActor::truncate() {
  Change cut = [to = random_.below(10'000)](std::string content) {
    content.resize(std::min<size_t>(to, content.size()));
    return content;
  };
  return change(any_name(), std::move(cut));
}

// ---- what happens to names ----

StormActor::Done StormActor::rename() { return move(any_name(), any_name()); }
StormActor::Done StormActor::exchange() { return move(any_name(), any_name(), true); }
StormActor::Done StormActor::pass_on() { return move(any_name(), any_shared()); }
StormActor::Done StormActor::take() { return move(any_shared(), any_name()); }

StormActor::Done StormActor::swap() {
  const std::string one = any_name(), other = any_name(), between = home("/swap");
  CO_TRY(co_await move(one, between));
  Result<void> moved = co_await move(other, one);
  Result<void> back = co_await move(between, other);
  CO_TRY(moved);
  co_return back;
}

StormActor::Done StormActor::checkpoint() {
  const std::string final_name = any_name(), part = final_name + ".tmp";
  CO_TRY(co_await write(part, any_content()));
  co_return co_await move(part, final_name);
}

StormActor::Done StormActor::rename_directory() {
  static constexpr const char* kNames[] = {"/d0", "/d1", "/d2"};
  return move(home(kNames[random_.below(3)]), home(kNames[random_.below(3)]));
}

StormActor::Done StormActor::remove() {
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(any_name()));
  co_return co_await parts_.client.unlink(kSuperuser, at.directory, at.name);
}

StormActor::Done StormActor::remove_and_write() {
  const std::string path = any_name();
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(path));
  (void)co_await parts_.client.unlink(kSuperuser, at.directory, at.name);
  co_return co_await write(path, any_content());
}

StormActor::Done StormActor::remove_tree() {
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(home(random_.one_in(2) ? "/d1" : "/d2")));
  co_return co_await parts_.client.remove_tree(kSuperuser, at.directory, at.name);
}

StormActor::Done StormActor::link() {
  CO_ASSIGN_OR_RETURN(const InodeId inode, co_await find(any_name()));
  CO_ASSIGN_OR_RETURN(const Place at, co_await place(any_name()));
  CO_TRY(co_await parts_.client.link(kSuperuser, inode, at.directory, at.name));
  co_return Result<void>{};
}

StormActor::Done StormActor::set_mode() {
  CO_ASSIGN_OR_RETURN(const InodeId inode, co_await find(any_name()));
  v1::SetAttrRequest request;
  request.set_inode(inode.value);
  request.set_mode(random_.one_in(2) ? 0600 : 0640);
  CO_TRY(co_await parts_.client.set_attr(kSuperuser, request, nullptr));
  co_return Result<void>{};
}

// ---- the rest ----

StormActor::Done StormActor::read() {
  const std::string path = any_name();
  CO_ASSIGN_OR_RETURN(const InodeId inode, co_await find(path));
  CO_ASSIGN_OR_RETURN(File file, co_await parts_.client.open(kSuperuser, inode, {}));
  Result<std::string> content = co_await content_of(file.get());
  Result<void> closed = co_await file->close();
  CO_TRY(content);
  if (!parts_.contents.has(content_id(*content)))
    wrong_.push_back(path + " reads as nothing that was ever written to it, " + std::to_string(content->size()) + " bytes");
  co_return closed;
}

StormActor::Done StormActor::free() {
  if (!parts_.frees) co_return Result<void>{};
  CO_ASSIGN_OR_RETURN(const InodeId inode, co_await find(any_name()));
  CO_TRY(co_await parts_.client.free(kSuperuser, inode, true));
  co_return Result<void>{};
}

// Shards, then a marker that says that they are there; sometimes under a name that is not the last one.
StormActor::Done StormActor::save_set() {
  if (!parts_.makes_sets) co_return Result<void>{};
  const std::string name = std::to_string(++sets_), at = home("/set" + name);
  CO_TRY(co_await make_dir(at));
  std::map<std::string, ContentId> shards;
  for (const char* shard : {"s0", "s1", "s2"}) {
    const std::string content = any_content();
    shards[shard] = content_id(content);
    CO_TRY(co_await write(at + "/" + shard, content));
  }
  const std::string marker = "marker " + std::to_string(number_) + "." + name;
  parts_.contents.add_marker(marker, shards);
  CO_TRY(co_await write(at + "/marker", marker));
  if (!random_.one_in(3)) co_return Result<void>{};
  co_return co_await move(at, home("/ready" + name));
}

}  // namespace forebay::cluster
