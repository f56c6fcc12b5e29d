// An operation's life, from its intent to its end.
#pragma once

#include <optional>

#include "async/sync.h"
#include "coordinator/jobs/breakers.h"
#include "coordinator/jobs/job_table.h"
#include "coordinator/jobs/master_calls.h"
#include "coordinator/jobs/mounts.h"
#include "coordinator/jobs/pace.h"
#include "coordinator/task_store.h"

namespace forebay::coordinator {

using Outcome = v1::FinishOperationRequest;

// Starts operations at the master, has workers do them, tells the master what came of it. One coroutine for each operation; none
// holds another up but by the lanes' limits. A worker that loses an operation is given up: its lease ends, the operation is
// fenced, another worker aborts and looks, and the master is told what is there. When the coordinator stops, operations are left
// as they are, at their workers; the next start joins them. Owned by the coordinator, with all it refers to. On one executor.
class Runner {
 public:
  struct Parts {
    os::Env& env;
    const CoordinatorConfig& config;
    MasterSession& master;
    MasterCalls& calls;
    WorkerPool& workers;
    JobTable& jobs;
    TaskStore& tasks;
    Breakers& breakers;
    Mounts& mounts;
    PaceCount& pace;
    obs::Log& log;
    std::string address;  // that workers ask
  };
  explicit Runner(Parts parts) : parts_(std::move(parts)), small_(parts_.config.small_tasks), large_(parts_.config.large_tasks) {}

  struct Ran {
    bool did_something = false;  // so what waited may go on
    bool is_left = false;        // it is still in the queue, due
  };
  // Whatever the intent comes to.
  Task<Ran> run_intent(v1::WaitingIntent intent, std::stop_token stop);
  // A block that somebody waits for, if it is still to be fetched.
  Task<void> run_fetch(uint64_t object, std::stop_token stop);
  // An operation that the coordinator before this one has given to a worker.
  Task<void> resume(v1::Operation operation, v1::TaskRecord record, std::stop_token stop);
  // An operation whose lease has ended, and that nobody works on.
  Task<void> take_over(v1::Operation operation, std::stop_token stop);

 private:
  // How a worker left an operation.
  struct Driven {
    enum class How : uint8_t { kEnded, kNotBegun, kLost, kStopped };
    How how;
    Outcome outcome;  // of kEnded
    bool store_failed = false;
    Duration look_again{};    // of a look that came too early
    std::string store_error;  // with store_failed
  };
  Task<Result<v1::StartIntentReply>> start(v1::WaitingIntent intent, std::stop_token stop);
  Task<void> run(v1::Operation operation, std::stop_token stop);
  Task<std::optional<Outcome>> execute(Job job, std::stop_token stop);
  // Nothing: as give_up(), or the job has no outcome.
  Task<std::optional<Outcome>> run_in_lane(Job job, std::stop_token stop);
  Task<std::optional<Outcome>> run_at_a_worker(Job job, std::stop_token stop);
  Task<std::optional<WorkerId>> find_worker(Job job, size_t most_tasks, std::stop_token stop);
  Task<Driven> give_to(Job job, WorkerId worker, bool look, std::stop_token stop);
  Task<void> add_content(Job job);
  Task<Driven> drive(Job job, WorkerId worker, v1::PersistTask task, bool may_run, std::stop_token stop);
  void record(const Job& job, bool store_failed, std::string why);  // once for each job
  uint32_t lease_for(const Job& job) const;                         // ms
  std::optional<Driven> judge(const Job& job, const Status& error, bool* may_run) const;
  // Nothing: the coordinator stops, or the operation is somebody else's.
  Task<std::optional<Outcome>> give_up(Job job, bool lease_has_ended, std::stop_token stop);
  Task<bool> fence(Job job, bool lease_has_ended, std::stop_token stop);
  Task<void> finish(Job job, std::optional<Outcome> outcome, std::stop_token stop);
  void note_begin(const Job& job, std::string_view how) const;
  void note_worker(const Job& job) const;
  void note_end(const Job& job, const Outcome& outcome) const;
  static Outcome failed(std::string why);
  Outcome with_next_probe(Outcome outcome, uint64_t mount);

  const Parts parts_;
  async::Semaphore small_, large_;
};

}  // namespace forebay::coordinator
