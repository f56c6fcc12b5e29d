#include "actor.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace forebay::cluster {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Longer than a lost segment is repeated, a call is retried and a lease lasts: after it nothing of a dead client is on its way.
constexpr Duration kSettle = seconds(60);

constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "f"};

}  // namespace

Actor::Actor(Parts parts, uint32_t number)
    : world_(parts.world),
      scenario_(parts.scenario),
      slot_(parts.slot),
      verdict_(parts.verdict),
      all_(parts.all),
      root_("/actor" + std::to_string(number)),
      random_(parts.world.random(root_)) {}

const std::vector<Actor::Operation>& Actor::operations() {
  static const std::vector<Operation> all = {
      {"make_dir", 6, make_dir},
      {"create", 10, create},
      {"write", 20, write},
      {"append", 6, append},
      {"truncate", 4, truncate},
      {"punch", 2, punch},
      {"fsync", 6, fsync},
      {"close", 12, close},
      {"rename", 8, rename},
      {"unlink", 5, unlink},
      {"remove_dir", 2, remove_dir},
      {"remove_tree", 1, remove_tree},
      {"symlink", 2, symlink},
      {"link", 3, link},
      {"set_mode", 2, set_mode},
      {"read", 12, read},
      {"list", 3, list},
      {"read_other", 6, read_other},
      {"exchange", 1, exchange},
  };
  return all;
}

std::vector<Actor::Operation> Actor::mix() const {
  std::vector<Operation> chosen = operations();
  if (scenario_.mix.empty()) return chosen;
  for (Operation& operation : chosen) {
    auto weight = scenario_.mix.find(operation.name);
    operation.weight = weight == scenario_.mix.end() ? 0 : weight->second;
  }
  return chosen;
}

Task<void> Actor::run(Actor* actor) {
  co_await make_root(actor);
  const std::vector<Operation> mix = actor->mix();
  uint64_t total = 0;
  for (const Operation& operation : mix) total += operation.weight;
  for (uint32_t i = 0; i < actor->scenario_.operations && actor->verdict_.is_clean(); ++i) {
    if (actor->scenario_.think > Duration(0)) {
      co_await pause(actor, Duration(static_cast<int64_t>(actor->random_.below(actor->scenario_.think.count()))));
    }
    co_await wait_for_client(actor);
    actor->drop_dead();
    if (actor->uncertain_) co_await settle(actor);
    uint64_t choice = actor->random_.below(total);
    auto operation = mix.begin();
    while (choice >= operation->weight) choice -= (operation++)->weight;
    actor->doing_ = operation->name;
    co_await operation->step(actor);
    ++actor->changes_;
    actor->busy_ = false;
    actor->world_.history().record("op", actor->root_ + " " + actor->doing_, {i});
    if (actor->uncertain_) co_await settle(actor);
  }
  co_await close_all(actor);
  if (actor->uncertain_) co_await settle(actor);
  actor->doing_ = "finished";
  actor->finished_ = true;
}

Task<void> Actor::pause(Actor* actor, Duration time) {
  co_await actor->world_.time().wait_until(actor->world_.time().now() + time);
}

Task<std::shared_ptr<RunningClient>> Actor::wait_for_client(Actor* actor) {
  while (!actor->slot_.current) co_await pause(actor, milliseconds(10));
  co_return actor->slot_.current;
}

Task<void> Actor::make_root(Actor* actor) {
  actor->doing_ = "make its root directory";
  while (actor->verdict_.is_clean()) {
    std::shared_ptr<RunningClient> in = co_await wait_for_client(actor);
    Result<v1::Attr> made = co_await in->client->make_dir(kSuperuser, kRootInode, actor->root_.substr(1), 0755);
    // EEXIST: an attempt whose answer was lost.
    if (made || made.error().is_errno(EEXIST)) co_return;
    if (!actor->is_uncertain(*in, &made.error())) actor->wrong(made.error().to_string());
    co_await pause(actor, milliseconds(100));
  }
}

Task<std::optional<Actor::Place>> Actor::place_of(Actor* actor, ModelPath path) {
  std::shared_ptr<RunningClient> in = co_await wait_for_client(actor);
  std::string text = actor->root_ + (path.empty() ? "" : "/") + to_text(path);
  Result<v1::ResolveReply> found = co_await in->client->resolve(kSuperuser, text, false);
  if (in->is_killed()) co_return std::nullopt;
  if (found && found->has_attr()) co_return Place{in, InodeId{found->attr().inode()}};
  if (found || !actor->is_uncertain(*in, &found.error())) {
    actor->wrong("'" + text + "' is not found" + (found ? "" : ": " + found.error().to_string()));
  }
  co_return std::nullopt;
}

void Actor::wrong(const std::string& what) { verdict_.violation(root_ + ": " + doing_ + ": " + what); }

bool Actor::is_uncertain(const RunningClient& in, const Status* error) {
  if (in.is_killed()) return true;
  if (!error) return false;
  world_.history().record("failed", root_ + " " + doing_ + ": " + error->to_string());
  switch (error->code()) {
    case Code::kRejected:
    case Code::kInvalid: return false;
    case Code::kCorrupt:  // no scenario damages sealed bytes
      wrong(error->to_string());
      return false;
    default: return true;
  }
}

void Actor::judge(const RunningClient& in, const Status* error, std::function<int()> apply) {
  if (is_uncertain(in, error)) {
    ++verdict_.uncertain;
    uncertain_ = true;
    unknown_ = std::move(apply);
    return;
  }
  const int expected = apply(), got = error ? error->error() : 0;
  ++(got == 0 ? verdict_.acknowledged : verdict_.refused);
  if (expected != got) {
    wrong("errno " + std::to_string(got) + " instead of " + std::to_string(expected) + (error ? ", " + error->to_string() : ""));
  }
}

void Actor::drop_dead() {
  for (const auto& open : open_) {
    if (!open->in->is_killed()) continue;
    open->node->content.doubt(open->id);
    uncertain_ = true;
  }
  std::erase_if(open_, [](const auto& open) { return open->in->is_killed(); });
}

Task<void> Actor::close_all(Actor* actor) {
  actor->drop_dead();
  while (!actor->open_.empty()) {
    Open open = std::move(*actor->open_.back());
    actor->open_.pop_back();
    co_await close_one(actor, std::move(open));
  }
}

Task<Observed> Actor::observe_surely(Actor* actor) {
  for (int attempt = 0; actor->verdict_.is_clean(); ++attempt) {
    std::shared_ptr<RunningClient> in = co_await wait_for_client(actor);
    Result<Observed> observed = co_await observe(in->client.get(), actor->root_);
    if (observed && !in->is_killed()) co_return *std::move(observed);
    const bool may_fail = observed || actor->is_uncertain(*in, &observed.error());
    if (!may_fail || attempt == 200) actor->wrong("cannot look at its files: " + observed.error().to_string());
    co_await pause(actor, seconds(1));
  }
  co_return Observed{};
}

Task<void> Actor::settle(Actor* actor) {
  actor->busy_ = true;
  co_await close_all(actor);
  const std::string was_doing = actor->doing_;
  actor->doing_ = "settle after " + was_doing;
  co_await pause(actor, kSettle);
  Observed observed = co_await observe_surely(actor);
  if (!actor->verdict_.is_clean()) co_return;
  std::string before = why_not(actor->tree_, observed), after;
  if (!before.empty()) {
    after = "it was refused";
    if (actor->unknown_ && actor->unknown_() == 0) after = why_not(actor->tree_, observed);
    if (!actor->unknown_) after = "there is no operation of unknown outcome";
    if (!after.empty()) {
      actor->wrong("neither as before it (" + before + ") nor as after it (" + after + ")");
      co_return;
    }
  }
  adopt_contents(actor->tree_, observed);
  actor->unknown_ = nullptr;
  actor->uncertain_ = false;
  ++actor->changes_;
  actor->busy_ = false;
  ++actor->verdict_.settled;
}

Task<void> Actor::audit(Actor* actor, client::Client* client, std::string when) {
  actor->doing_ = "audit " + when;
  Result<Observed> observed = co_await observe(client, actor->root_);
  if (!observed) {
    actor->wrong(observed.error().to_string());
    co_return;
  }
  std::string why = why_not(actor->tree_, *observed);
  if (!why.empty()) actor->wrong(why);
}

ModelPath Actor::any_directory() {
  std::vector<ModelPath> directories = tree_.directories();
  return directories[random_.below(directories.size())];
}

ModelPath Actor::any_name() {
  std::vector<ModelPath> names = tree_.names();
  if (!names.empty() && random_.percent(70)) return names[random_.below(names.size())];
  ModelPath path = any_directory();
  path.push_back(kNames[random_.below(std::size(kNames))]);
  return path;
}

ModelPath Actor::any_file() {
  std::vector<ModelPath> files = tree_.names();
  std::erase_if(files, [&](const ModelPath& path) { return !tree_.find(path)->is_file(); });
  return files.empty() ? ModelPath{} : files[random_.below(files.size())];
}

Actor::Open* Actor::any_open(bool writable) {
  std::vector<Open*> fitting;
  for (const auto& open : open_) {
    if (open->writable || !writable) fitting.push_back(open.get());
  }
  return fitting.empty() ? nullptr : fitting[random_.below(fitting.size())];
}

bool Actor::is_open(const ModelTree::Node& node) const {
  return std::ranges::any_of(open_, [&](const auto& open) { return open->node == node; });
}

}  // namespace forebay::cluster
