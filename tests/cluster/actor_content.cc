// Operations on contents.
#include <algorithm>
#include <cstring>
#include <utility>

#include "actor.h"

namespace forebay::cluster {

std::string Actor::some_bytes(uint64_t most) {
  // Mostly small; sometimes up to the limit.
  const uint64_t limit = random_.percent(60) ? std::min<uint64_t>(most, 300) : most;
  std::string bytes(random_.between(1, std::max<uint64_t>(limit, 1)), '\0');
  for (size_t at = 0; at < bytes.size(); at += 8) {
    uint64_t value = random_.next() | 0x0101010101010101;  // no zero byte: a hole is told from data
    std::memcpy(bytes.data() + at, &value, std::min<size_t>(8, bytes.size() - at));
  }
  return bytes;
}

bool Actor::may_be_full() const {
  return scenario_.disturbs(Disturbance::Kind::kFillDisk) || scenario_.disturbs(Disturbance::Kind::kFileError);
}

Task<void> Actor::create(Actor* actor) {
  if (actor->open_.size() >= kMostOpen) co_return;
  ModelPath path = actor->any_name();
  ModelTree::Node there = actor->tree_.find(path);
  const bool exclusive = actor->random_.percent(30);
  if (there && there->type == ModelNode::Type::kSymlink && !exclusive) co_return;  // the kernel follows it before it asks
  const bool truncate = actor->random_.percent(20) && (!there || there->content.is_clean());
  actor->doing_ += " " + to_text(path) + (exclusive ? ", exclusive" : "") + (truncate ? ", truncate" : "");
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  std::shared_ptr<RunningClient> in = parent->in;
  actor->busy_ = true;
  client::OpenFlags flags{.read = true, .write = true, .truncate = truncate, .stage = actor->scenario_.staged};
  Result<client::Created> created = co_await in->client->create(kSuperuser, parent->inode, path.back(), 0644, flags, exclusive);
  actor->judge(*in, created, [actor, path, exclusive, truncate] {
    int error = actor->tree_.create(path, 0644, exclusive);
    if (error != 0 || !truncate) return error;
    actor->tree_.find(path)->content.truncate(0, 0);
    return 0;
  });
  if (!created || actor->uncertain_ || !actor->verdict_.is_clean()) co_return;
  if (created->created != (there == nullptr)) actor->wrong(created->created ? "says it created it" : "says it was there");
  ModelTree::Node node = actor->tree_.find(path);
  actor->open_.push_back(std::make_unique<Open>(++actor->handles_, std::move(node), in, std::move(created->file), true));
}

// Opens a file that exists, if there is one.
Task<void> Actor::open_some(Actor* actor) {
  ModelPath path = actor->any_file();
  if (path.empty() || actor->open_.size() >= kMostOpen) co_return;
  const bool writable = actor->random_.percent(75);
  std::optional<Place> place = co_await place_of(actor, path);
  if (!place) co_return;
  std::shared_ptr<RunningClient> in = place->in;
  Result<std::unique_ptr<client::File>> file =
      co_await in->client->open(kSuperuser, place->inode, {.read = true, .write = writable});
  if (!file || in->is_killed()) {
    if (!file && !actor->is_uncertain(*in, &file.error()))
      actor->wrong("open '" + to_text(path) + "': " + file.error().to_string());
    co_return;
  }
  actor->open_.push_back(std::make_unique<Open>(++actor->handles_, actor->tree_.find(path), in, *std::move(file), writable));
}

// A write that failed may have been done in part; the handle is not to be trusted any more.
void Actor::written(const RunningClient& in, const Result<void>& result, bool may_be_full) {
  const Status* error = result ? nullptr : &result.error();
  if (!is_uncertain(in, error)) {
    if (!error) {
      ++verdict_.acknowledged;
      return;
    }
    if (!error->is_errno(ENOSPC) || !may_be_full) wrong(error->to_string());
    ++verdict_.refused;
  }
  ++verdict_.uncertain;
  uncertain_ = true;
}

Task<void> Actor::write(Actor* actor) {
  if (!actor->any_open(true) || actor->random_.percent(15)) co_await open_some(actor);
  Open* open = actor->any_open(true);
  if (!open) co_return;
  ModelTree::Node node = open->node;
  const uint64_t handle = open->id;
  const uint64_t size = node->content.current().size();
  uint64_t offset = actor->random_.percent(40) ? size : actor->random_.below(size + (actor->random_.percent(10) ? 10'000 : 1));
  std::string bytes = actor->some_bytes(actor->scenario_.most_write);
  if (offset + bytes.size() > actor->scenario_.most_file) offset = 0;
  actor->doing_ += " " + std::to_string(bytes.size()) + " bytes at " + std::to_string(offset);
  std::shared_ptr<RunningClient> in = open->in;
  actor->busy_ = true;
  Result<void> result = co_await open->file->pwrite(as_bytes(bytes), offset);
  node->content.write(offset, bytes, handle, result.has_value());
  actor->written(*in, result, actor->may_be_full());
}

Task<void> Actor::append(Actor* actor) {
  if (!actor->any_open(true)) co_await open_some(actor);
  Open* open = actor->any_open(true);
  if (!open) co_return;
  ModelTree::Node node = open->node;
  const uint64_t handle = open->id;
  std::string bytes = actor->some_bytes(actor->scenario_.most_write);
  if (node->content.current().size() + bytes.size() > actor->scenario_.most_file) co_return;
  std::shared_ptr<RunningClient> in = open->in;
  actor->busy_ = true;
  Result<void> result = co_await open->file->append(as_bytes(bytes));
  node->content.append(bytes, handle, result.has_value());
  actor->written(*in, result, actor->may_be_full());
}

Task<void> Actor::truncate(Actor* actor) {
  ModelPath path = actor->any_file();
  if (!path.empty() && !actor->is_open(actor->tree_.find(path)) && actor->random_.percent(50)) {
    co_await truncate_by_name(actor, path);
    co_return;
  }
  Open* open = actor->any_open(true);
  if (!open) co_return;
  ModelTree::Node node = open->node;
  const uint64_t handle = open->id;
  const uint64_t size = actor->random_.below(node->content.current().size() + 2'000);
  actor->doing_ += " open file to " + std::to_string(size);
  std::shared_ptr<RunningClient> in = open->in;
  actor->busy_ = true;
  Result<void> result = co_await open->file->truncate(size);
  node->content.truncate(size, handle, result.has_value());
  actor->written(*in, result, false);
}

Task<void> Actor::punch(Actor* actor) {
  Open* open = actor->any_open(true);
  if (!open || open->node->content.current().empty()) co_return;
  ModelTree::Node node = open->node;
  const uint64_t handle = open->id;
  const uint64_t size = node->content.current().size();
  const uint64_t offset = actor->random_.below(size), length = 1 + actor->random_.below(size - offset);
  actor->doing_ += " " + std::to_string(length) + " bytes at " + std::to_string(offset);
  std::shared_ptr<RunningClient> in = open->in;
  actor->busy_ = true;
  Result<void> result = co_await open->file->fallocate(offset, length, {.zero = true, .keep_size = true});
  node->content.write(offset, std::string(length, '\0'), handle, result.has_value());
  actor->written(*in, result, false);
}

Task<void> Actor::truncate_by_name(Actor* actor, ModelPath path) {
  ModelTree::Node node = actor->tree_.find(path);
  const uint64_t size = actor->random_.below(node->content.current().size() + 2'000);
  actor->doing_ += " " + to_text(path) + " to " + std::to_string(size);
  std::optional<Place> place = co_await place_of(actor, path);
  if (!place) co_return;
  std::shared_ptr<RunningClient> in = place->in;
  v1::SetAttrRequest request;
  request.set_inode(place->inode.value);
  request.set_size(size);
  actor->busy_ = true;
  Result<v1::Attr> changed = co_await in->client->set_attr(kSuperuser, std::move(request), nullptr);
  actor->judge(*in, changed, [node, size] {
    node->content.truncate(size, 0);
    return 0;
  });
}

Task<void> Actor::fsync(Actor* actor) {
  Open* open = actor->any_open(true);
  if (!open) co_return;
  std::shared_ptr<RunningClient> in = open->in;
  ModelTree::Node node = open->node;
  const uint64_t handle = open->id;
  actor->busy_ = true;
  Result<void> result = co_await open->file->fsync(actor->scenario_.durability);
  // Space was granted before it was used: not even ENOSPC is an excuse.
  actor->written(*in, result, false);
  actor->flushed(*node, handle, result.has_value());
}

// The handle said that its changes are stored, or that they are not.
void Actor::flushed(ModelNode& node, uint64_t handle, bool stored) {
  if (stored && !uncertain_) {
    node.content.commit(handle);
  } else {
    node.content.doubt(handle);
  }
}

Task<void> Actor::close(Actor* actor) {
  if (actor->open_.empty()) co_return;
  std::swap(actor->open_[actor->random_.below(actor->open_.size())], actor->open_.back());
  Open open = std::move(*actor->open_.back());
  actor->open_.pop_back();
  co_await close_one(actor, std::move(open));
}

Task<void> Actor::close_one(Actor* actor, Open open) {
  actor->busy_ = true;
  Result<void> result = co_await open.file->close();
  if (!actor->is_uncertain(*open.in, result ? nullptr : &result.error())) {
    if (result) {
      ++actor->verdict_.acknowledged;
      open.node->content.commit(open.id);
      co_return;
    }
    // A write that was answered never fails later for lack of space; what failed before may be told again.
    if (!actor->uncertain_) actor->wrong(result.error().to_string());
  }
  open.node->content.doubt(open.id);
  ++actor->verdict_.uncertain;
  actor->uncertain_ = true;
}

Task<void> Actor::read(Actor* actor) {
  if (!actor->any_open(false)) co_await open_some(actor);
  Open* open = actor->any_open(false);
  if (!open) co_return;
  std::shared_ptr<RunningClient> in = open->in;
  const std::string& content = open->node->content.current();
  const uint64_t offset = actor->random_.percent(50) ? 0 : actor->random_.below(content.size() + 10);
  std::string bytes(actor->random_.percent(50) ? content.size() + 1 : actor->random_.below(content.size() + 1), '\0');
  actor->doing_ += " " + std::to_string(bytes.size()) + " bytes at " + std::to_string(offset);
  Result<size_t> got = co_await open->file->pread(std::as_writable_bytes(std::span(bytes)), offset);
  if (!got || in->is_killed()) {
    // A file without a name goes when the lease of those who have it open is over.
    const bool may_be_gone = open->node->links == 0 && actor->scenario_.disturbs(Disturbance::Kind::kIsolate);
    if (!got && !actor->is_uncertain(*in, &got.error()) && !(may_be_gone && got.error().is_errno(ESTALE))) {
      actor->wrong(got.error().to_string());
    }
    co_return;
  }
  const std::string expected = offset < content.size() ? content.substr(offset, bytes.size()) : "";
  std::string why = difference(expected, std::string_view(bytes).substr(0, *got));
  if (!why.empty()) actor->wrong("read " + why);
}

// close-to-open: what another program has closed, this one sees.
Task<void> Actor::read_other(Actor* actor) {
  Actor& other = *actor->all_[actor->random_.below(actor->all_.size())];
  ModelPath path = other.any_file();
  if (&other == actor || path.empty()) co_return;
  ModelTree::Node node = other.tree_.find(path);
  actor->doing_ += " " + other.root_ + "/" + to_text(path);
  const uint64_t before = other.changes_;
  auto is_settled = [&] { return !other.busy_ && !other.uncertain_ && other.changes_ == before && node->content.is_clean(); };
  if (!is_settled()) co_return;
  std::shared_ptr<RunningClient> in = co_await wait_for_client(actor);
  Result<v1::ResolveReply> found = co_await in->client->resolve(kSuperuser, other.root_ + "/" + to_text(path), false);
  if (!found || in->is_killed()) co_return;
  if (!found->has_attr()) {
    if (is_settled()) actor->wrong("does not find a file of another client");
    co_return;
  }
  Result<std::string> content = co_await read_file(in->client.get(), InodeId{found->attr().inode()});
  if (in->is_killed() || !is_settled()) co_return;
  if (!content) {
    if (!actor->is_uncertain(*in, &content.error())) actor->wrong(content.error().to_string());
    co_return;
  }
  ++actor->verdict_.foreign_reads;
  std::string why = difference(node->content.committed(), *content);
  if (!why.empty()) actor->wrong("read " + why);
}

}  // namespace forebay::cluster
