// A program that uses files, and knows what they have to contain.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/task.h"
#include "client_slot.h"
#include "model_tree.h"
#include "observe.h"
#include "os/simulation.h"
#include "scenario.h"
#include "verdict.h"

namespace forebay::cluster {

// Does random operations, one after the other, in a directory of its own, and compares every answer with its model. When an
// outcome is unknown, or its process dies, it waits until nothing of it can still be on its way, looks at what is there, and
// accepts either the state before or the one after (files: ModelContent). Runs on the world's executor, as a program in the
// client process of its slot. World, scenario, slot, verdict and the other actors outlive it.
class Actor {
 public:
  struct Parts {
    os::SimWorld& world;
    const Scenario& scenario;
    ClientSlot& slot;
    Verdict& verdict;
    const std::vector<std::unique_ptr<Actor>>& all;
  };
  Actor(Parts parts, uint32_t number);

  // All operations of the scenario; then closes what is open. Ends early at the first violation anywhere.
  static Task<void> run(Actor* actor);
  bool has_finished() const { return finished_; }

  // The whole tree as `client` sees it against the model; nothing is open or unknown any more.
  static Task<void> audit(Actor* actor, client::Client* client, std::string when);

  const std::string& root() const { return root_; }
  const std::string& doing() const { return doing_; }  // for a report of what hangs

 private:
  using Step = Task<void> (*)(Actor*);
  struct Operation {
    const char* name;
    uint32_t weight;
    Step step;
  };
  struct Open {
    uint64_t id;
    ModelTree::Node node;
    std::shared_ptr<RunningClient> in;  // before the file, which has to go first
    std::unique_ptr<client::File> file;
    bool writable;
  };
  static const std::vector<Operation>& operations();
  std::vector<Operation> mix() const;

  // actor.cc
  static Task<void> pause(Actor* actor, Duration time);
  static Task<std::shared_ptr<RunningClient>> wait_for_client(Actor* actor);
  // Something that exists by the model, as the present client finds it; nothing when that is uncertain.
  struct Place {
    std::shared_ptr<RunningClient> in;  // shared with the slot, until that life ends
    InodeId inode;
  };
  static Task<std::optional<Place>> place_of(Actor* actor, ModelPath path);
  static ModelPath parent_of(const ModelPath& path) { return ModelPath(path.begin(), path.end() - 1); }
  static Task<void> make_root(Actor* actor);
  static Task<void> close_all(Actor* actor);
  void drop_dead();  // files open in a process that was killed: what they had not committed is uncertain
  static Task<void> settle(Actor* actor);
  static Task<Observed> observe_surely(Actor* actor);
  bool is_uncertain(const RunningClient& in, const Status* error);
  void judge(const RunningClient& in, const Status* error, std::function<int()> apply);
  template <class T>
  void judge(const RunningClient& in, const Result<T>& result, std::function<int()> apply) {
    judge(in, result ? nullptr : &result.error(), std::move(apply));
  }
  void wrong(const std::string& what);

  ModelPath any_directory();
  ModelPath any_name();  // mostly one that exists
  ModelPath any_file();  // empty: there is none
  Open* any_open(bool writable);
  bool is_open(const ModelTree::Node& node) const;

  // actor_names.cc
  static Task<void> make_dir(Actor* actor);
  static Task<void> symlink(Actor* actor);
  static Task<void> link(Actor* actor);
  static Task<void> unlink(Actor* actor);
  static Task<void> remove_dir(Actor* actor);
  static Task<void> remove_tree(Actor* actor);
  static Task<void> rename(Actor* actor);
  static Task<void> exchange(Actor* actor);
  static Task<void> rename_with(Actor* actor, bool no_replace, bool exchange);
  static Task<void> set_mode(Actor* actor);
  static Task<void> list(Actor* actor);

  // actor_content.cc
  static Task<void> create(Actor* actor);
  static Task<void> open_some(Actor* actor);
  static Task<void> write(Actor* actor);
  static Task<void> append(Actor* actor);
  static Task<void> truncate(Actor* actor);
  static Task<void> punch(Actor* actor);
  static Task<void> truncate_by_name(Actor* actor, ModelPath path);
  static Task<void> fsync(Actor* actor);
  static Task<void> close(Actor* actor);
  static Task<void> close_one(Actor* actor, Open open);
  static Task<void> read(Actor* actor);
  static Task<void> read_other(Actor* actor);
  std::string some_bytes(uint64_t most);
  void written(const RunningClient& in, const Result<void>& result, bool may_be_full);
  void flushed(ModelNode& node, uint64_t handle, bool stored);
  bool may_be_full() const;

  static constexpr size_t kMostOpen = 4;

  os::SimWorld& world_;
  const Scenario& scenario_;
  ClientSlot& slot_;
  Verdict& verdict_;
  const std::vector<std::unique_ptr<Actor>>& all_;
  const std::string root_;
  os::SimRandom random_;
  ModelTree tree_;
  std::vector<std::unique_ptr<Open>> open_;
  std::string doing_ = "nothing yet";
  std::function<int()> unknown_;  // the operation whose outcome is not known
  bool uncertain_ = false;
  uint64_t handles_ = 0;  // opened so far
  uint64_t changes_ = 0;  // grows when a mutation begins and when it ends
  bool busy_ = false;     // between the two
  bool finished_ = false;
};

}  // namespace forebay::cluster
