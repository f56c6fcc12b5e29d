// A small world around the master's half of persistence: the production operations over records in memory, a store of a few
// objects, and workers that may be given up.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "forebay/v1/persist_records.pb.h"
#include "master/operation.h"
#include "records.h"

namespace forebay::model {

// What is in the store at a key: a version of ours, or somebody else's.
struct StoredObject {
  bool foreign = false;
  uint64_t inode = 0, version = 0;

  std::string identity() const;
  bool operator==(const StoredObject&) const = default;
};

// A worker with an operation. One that was given up still runs, until it is fenced.
struct Worker {
  uint64_t operation = 0, epoch = 0;
  std::shared_ptr<const v1::OperationRecord> order;  // as it was given to this worker
  enum class Phase : uint8_t { kWorking, kSucceeded, kRefused, kFencing } phase = Phase::kWorking;
};

struct State {
  Shared records;
  std::map<std::string, StoredObject> store;
  std::vector<Worker> workers;
  std::set<std::pair<uint64_t, uint64_t>> excused;           // contents whose only copy somebody else has destroyed
  std::map<std::pair<uint64_t, uint64_t>, uint64_t> sealed;  // (inode, version) → when
  uint64_t seals = 0;
  int operations_left = 0, give_ups_left = 0, foreign_left = 0, evictions_left = 0, reads_left = 0;
};

enum class Do : uint8_t { kCreate, kWrite, kUnlink, kRename, kExchange, kLink, kMakeDir, kRemoveTree, kAppend };
struct Action {
  Do what;
  std::string path, to;
};

struct WorldConfig {
  std::string policies = R"("onDelete": "delete")";
  std::vector<std::string> directories;  // below /c, from the beginning
  std::vector<Action> actions;           // that may happen, any of them, in any order
  std::vector<Action> before;            // that have happened
  std::vector<std::string> foreign_keys;
  int operations = 3, give_ups = 1, foreign = 0, evictions = 1, reads = 0;
  uint64_t most_versions = 2, most_files = 3;
  master::PersistRules rules;
  bool store_checks = true;       // conditions of requests
  bool fences = true;             // whoever is given up can do nothing any more
  bool asks_for_turn = true;      // before it publishes
  bool cache_wins = false;        // replaces what is foreign
  bool forbids_deletion = false;  // nothing that was once in the store may be missing
};

struct Step {
  std::string label;
  State after;
  bool progress;  // of the system itself
};

// Builds the first state, the steps from a state, and says what is wrong with one. Deterministic.
class SmallWorld {
 public:
  explicit SmallWorld(WorldConfig config);
  ~SmallWorld();

  State first();
  std::vector<Step> steps(const State& state);
  std::string canonical(const State& state) const;

  bool at_rest(const State& state) const;
  // What namespace and store look like, files numbered in the order of their names: as the model of the protocol has it.
  std::string outcome(const State& state) const;
  std::optional<std::string> wrong_step(const State& before, const State& after) const;
  std::optional<std::string> wrong_rest(const State& state) const;
  const std::string& complaint() const {
    return complaint_;
  }  // of an operation that must not fail, or a worker that read nothing

 private:
  template <class Body>
  std::optional<std::string> change(State& state, Body body);
  void settle_background(State& state);
  bool act(State& state, const Action& action);
  void note_seals(const State& before, State& after) const;

  void add_actions(const State& state, std::vector<Step>& steps);
  void add_disturbances(const State& state, std::vector<Step>& steps);
  void add_fetches(const State& state, std::vector<Step>& steps);
  void add_starts(const State& state, std::vector<Step>& steps);
  void add_work(const State& state, size_t worker, std::vector<Step>& steps);
  void add_finish(const State& state, size_t worker, std::vector<Step>& steps);
  bool perform(State& state, const Worker& worker);
  std::optional<std::string> wrong_content(const State& state) const;
  std::optional<std::string> wrong_order(const State& before, const State& after) const;

  const WorldConfig config_;
  Shared base_;
  std::unique_ptr<RecordsReader> base_reader_;
  std::unique_ptr<master::Persistence> persistence_;
  std::string complaint_;
};

}  // namespace forebay::model
