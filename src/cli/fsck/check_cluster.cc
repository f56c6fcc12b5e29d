#include "cli/fsck/check_cluster.h"

#include <map>
#include <utility>

#include "cli/fsck/check_stores.h"
#include "cli/progress.h"
#include "cli/roles/configs.h"
#include "forebay/v1/admin.rpc.h"
#include "forebay/v1/worker.rpc.h"

namespace forebay::cli {
namespace {

namespace admin = v1::admin_service;
namespace workers = v1::worker_service;

constexpr size_t kMostProblems = 10'000;
constexpr Duration kPatience = std::chrono::seconds(30);
constexpr Duration kPatienceForTotals = std::chrono::minutes(10);
constexpr Duration kBeforeSecondLook = std::chrono::seconds(3);  // heartbeats bring and confirm duties within one

// A peer that is stopped when it is left.
class Stopped {
 public:
  Stopped(Shell& shell, os::Address address) : shell_(shell), peer_(shell.env(), std::move(address), shell.executor()) {}
  ~Stopped() { shell_.wait(stop(&peer_)); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

  template <class M>
  Result<typename M::Reply> ask(typename M::Request request, Duration timeout = kPatience) {
    return shell_.wait(peer_.ask<M>(std::move(request), timeout));
  }

 private:
  static Task<bool> stop(Peer* peer) {
    co_await peer->stop();
    co_return true;
  }
  Shell& shell_;
  Peer peer_;
};

class Checking {
 public:
  Checking(Shell& shell, Stopped& master) : shell_(shell), master_(master) {}

  Result<void> metadata() {
    v1::FsckRequest request;
    do {
      TRY(take(request));
    } while (!request.cursor().empty());
    request.set_totals(true);
    return take(request);
  }

  void worker(const v1::WorkerReport& report) {
    const uint64_t id = report.address().worker();
    const std::string name = "worker " + std::to_string(id);
    if (report.state() != "live") return unchecked(name + " is " + report.state());
    Result<os::Address> address = os::Address::parse(report.address().address());
    if (!address) return unchecked(name + ": " + address.error().message());
    Stopped worker(shell_, *address);
    Result<void> looked = all_of(worker, id);
    if (looked) looked = second_look(worker, id, name);
    if (!looked) unchecked(name + ": " + looked.error().to_string());
  }

  FsckFindings found;

 private:
  // One step of the check; its cursor becomes the request's.
  Result<void> take(v1::FsckRequest& request) {
    ASSIGN_OR_RETURN(v1::FsckReply reply, master_.ask<admin::Fsck>(request, request.totals() ? kPatienceForTotals : kPatience));
    for (std::string& problem : *reply.mutable_problems()) add({"metadata", 0, std::move(problem)});
    if (!request.totals()) found.records += reply.checked();
    progress_.done(0, reply.checked());
    request.set_cursor(reply.cursor());
    return {};
  }

  Result<v1::FsckCopiesReply> compare(uint64_t worker, v1::ListObjectsReply stored, uint64_t from, uint64_t to) {
    v1::FsckCopiesRequest page;
    page.set_worker(worker);
    page.set_from(from);
    page.set_to(to);
    page.mutable_objects()->Swap(stored.mutable_objects());
    return master_.ask<admin::FsckCopies>(std::move(page));
  }

  Result<void> all_of(Stopped& worker, uint64_t id) {
    suspects_.clear();
    v1::ListObjectsRequest list;
    for (bool last = false; !last;) {
      ASSIGN_OR_RETURN(v1::ListObjectsReply stored, worker.ask<workers::ListObjects>(list));
      last = stored.next() == 0;
      const uint64_t to = last ? UINT64_MAX : stored.next(), count = static_cast<uint64_t>(stored.objects_size());
      ASSIGN_OR_RETURN(v1::FsckCopiesReply reply, compare(id, std::move(stored), list.from(), to));
      for (const v1::CopyProblem& each : reply.problems())
        if (suspects_.size() < kMostProblems) suspects_.push_back(each.object());
      found.objects += count;
      found.to_be_removed += reply.to_be_removed();
      progress_.done(0, count);
      list.set_from(to);
    }
    return {};
  }

  Result<void> second_look(Stopped& worker, uint64_t id, const std::string& name) {
    if (suspects_.empty()) return {};
    shell_.wait(shell_.env().clock.sleep(kBeforeSecondLook, std::stop_token()));
    for (uint64_t object : suspects_) {
      v1::ListObjectsRequest one;
      one.set_from(object);
      one.set_limit(1);
      ASSIGN_OR_RETURN(v1::ListObjectsReply stored, worker.ask<workers::ListObjects>(one));
      if (stored.objects_size() > 0 && stored.objects(0).object() != object) stored.clear_objects();
      ASSIGN_OR_RETURN(v1::FsckCopiesReply reply, compare(id, std::move(stored), object, object + 1));
      for (v1::CopyProblem& each : *reply.mutable_problems()) add({name, each.object(), std::move(*each.mutable_problem())});
    }
    return {};
  }

  void add(FsckProblem problem) {
    if (found.problems.size() < kMostProblems) found.problems.push_back(std::move(problem));
  }
  void unchecked(std::string what) { found.unchecked.push_back(std::move(what)); }

  Shell& shell_;
  Stopped& master_;
  std::vector<uint64_t> suspects_;
  Progress progress_{"checked"};
};

// The first master of the list that answers.
Result<std::unique_ptr<Stopped>> find_master(Shell& shell, v1::ReportReply& report) {
  ASSIGN_OR_RETURN(const config::Settings* settings, shell.settings());
  ASSIGN_OR_RETURN(std::vector<os::Address> addresses, master_addresses(*settings));
  Error failure = elsewhere("no master is configured");
  for (const os::Address& address : addresses) {
    auto master = std::make_unique<Stopped>(shell, address);
    Result<v1::ReportReply> reply = master->ask<admin::Report>(v1::Empty());
    if (reply) {
      report = *std::move(reply);
      return master;
    }
    failure = Error(reply.error());
  }
  return failure;
}

}  // namespace

Result<FsckFindings> check_cluster(Shell& shell) {
  TRY(shell.client());  // which says best what is wrong when no master can be reached
  v1::ReportReply report;
  ASSIGN_OR_RETURN(std::unique_ptr<Stopped> master, find_master(shell, report));
  Checking checking(shell, *master);
  TRY(checking.metadata());
  for (const v1::WorkerReport& worker : report.workers()) checking.worker(worker);
  checking.found.reclaiming = report.reclaiming();
  check_stores(shell, report, checking.found);
  return std::move(checking.found);
}

}  // namespace forebay::cli
