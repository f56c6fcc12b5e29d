// Operations on names.
#include <utility>

#include "actor.h"

namespace forebay::cluster {
namespace {

constexpr uint32_t kModes[] = {0600, 0644, 0755, 0700, 0777};
constexpr const char* kNewNames[] = {"a", "b", "c", "d", "e", "f"};
constexpr size_t kDeepest = 5;

}  // namespace

Task<void> Actor::make_dir(Actor* actor) {
  ModelPath path = actor->any_directory();
  if (path.size() >= kDeepest) co_return;
  path.push_back(kNewNames[actor->random_.below(std::size(kNewNames))]);
  actor->doing_ += " " + to_text(path);
  const uint32_t mode = kModes[actor->random_.below(std::size(kModes))];
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  actor->busy_ = true;
  Result<v1::Attr> made = co_await parent->in->client->make_dir(kSuperuser, parent->inode, path.back(), mode);
  actor->judge(*parent->in, made, [actor, path, mode] { return actor->tree_.make_dir(path, mode); });
}

Task<void> Actor::symlink(Actor* actor) {
  ModelPath path = actor->any_name();
  actor->doing_ += " " + to_text(path);
  std::string target = "../" + std::to_string(actor->random_.below(1000));
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  actor->busy_ = true;
  Result<v1::Attr> made = co_await parent->in->client->make_symlink(kSuperuser, parent->inode, path.back(), target);
  actor->judge(*parent->in, made, [actor, path, target] { return actor->tree_.symlink(path, target); });
}

Task<void> Actor::link(Actor* actor) {
  ModelPath file = actor->any_file(), path = actor->any_name();
  if (file.empty()) co_return;
  actor->doing_ += " " + to_text(file) + " as " + to_text(path);
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  std::optional<Place> place = co_await place_of(actor, file);
  if (!place || place->in != parent->in) co_return;
  actor->busy_ = true;
  Result<v1::Attr> linked = co_await parent->in->client->link(kSuperuser, place->inode, parent->inode, path.back());
  ModelTree::Node node = actor->tree_.find(file);
  actor->judge(*parent->in, linked, [actor, node, path] { return actor->tree_.link(node, path); });
}

Task<void> Actor::unlink(Actor* actor) {
  ModelPath path = actor->any_name();
  actor->doing_ += " " + to_text(path);
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  actor->busy_ = true;
  Result<void> removed = co_await parent->in->client->unlink(kSuperuser, parent->inode, path.back());
  actor->judge(*parent->in, removed, [actor, path] { return actor->tree_.unlink(path); });
}

Task<void> Actor::remove_dir(Actor* actor) {
  ModelPath path = actor->any_name();
  actor->doing_ += " " + to_text(path);
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  actor->busy_ = true;
  Result<void> removed = co_await parent->in->client->remove_dir(kSuperuser, parent->inode, path.back());
  actor->judge(*parent->in, removed, [actor, path] { return actor->tree_.remove_dir(path); });
}

Task<void> Actor::remove_tree(Actor* actor) {
  ModelPath path = actor->any_name();
  actor->doing_ += " " + to_text(path);
  std::optional<Place> parent = co_await place_of(actor, parent_of(path));
  if (!parent) co_return;
  actor->busy_ = true;
  Result<void> removed = co_await parent->in->client->remove_tree(kSuperuser, parent->inode, path.back());
  actor->judge(*parent->in, removed, [actor, path] { return actor->tree_.remove_tree(path); });
}

Task<void> Actor::rename(Actor* actor) { co_await rename_with(actor, actor->random_.percent(15), false); }

Task<void> Actor::exchange(Actor* actor) { co_await rename_with(actor, false, true); }

Task<void> Actor::rename_with(Actor* actor, bool no_replace, bool exchange) {
  ModelPath from = actor->any_name(), to = actor->any_name();
  actor->doing_ += " " + to_text(from) + " to " + to_text(to) + (no_replace ? ", no replace" : "");
  std::optional<Place> parent = co_await place_of(actor, parent_of(from));
  if (!parent) co_return;
  std::optional<Place> new_parent = co_await place_of(actor, parent_of(to));
  if (!new_parent || new_parent->in != parent->in) co_return;
  v1::RenameRequest request;
  request.set_parent(parent->inode.value);
  request.set_name(from.back());
  request.set_new_parent(new_parent->inode.value);
  request.set_new_name(to.back());
  request.set_no_replace(no_replace);
  request.set_exchange(exchange);
  actor->busy_ = true;
  Result<void> renamed = co_await parent->in->client->rename(kSuperuser, std::move(request));
  actor->judge(*parent->in, renamed,
               [actor, from, to, no_replace, exchange] { return actor->tree_.rename(from, to, no_replace, exchange); });
}

Task<void> Actor::set_mode(Actor* actor) {
  ModelPath path = actor->any_name();
  ModelTree::Node node = actor->tree_.find(path);
  if (!node || node->type == ModelNode::Type::kSymlink) co_return;
  actor->doing_ += " " + to_text(path);
  const uint32_t mode = kModes[actor->random_.below(std::size(kModes))];
  std::optional<Place> place = co_await place_of(actor, path);
  if (!place) co_return;
  v1::SetAttrRequest request;
  request.set_inode(place->inode.value);
  request.set_mode(mode);
  actor->busy_ = true;
  Result<v1::Attr> changed = co_await place->in->client->set_attr(kSuperuser, std::move(request), nullptr);
  actor->judge(*place->in, changed, [node, mode] {
    node->mode = mode;
    return 0;
  });
}

Task<void> Actor::list(Actor* actor) {
  ModelPath path = actor->any_directory();
  actor->doing_ += " '" + to_text(path) + "'";
  std::optional<Place> place = co_await place_of(actor, path);
  if (!place) co_return;
  Result<client::Listed> listed = co_await place->in->client->read_dir(kSuperuser, place->inode, "", 4096, false);
  if (!listed || place->in->is_killed()) {
    if (!listed && !actor->is_uncertain(*place->in, &listed.error())) actor->wrong(listed.error().to_string());
    co_return;
  }
  std::string expected, seen;
  for (const auto& [name, node] : actor->tree_.find(path)->entries) expected += name + " ";
  for (const v1::DirEntry& entry : listed->entries) seen += entry.name() + " ";
  if (expected != seen || !listed->end) actor->wrong("listed '" + seen + "' instead of '" + expected + "'");
}

}  // namespace forebay::cluster
