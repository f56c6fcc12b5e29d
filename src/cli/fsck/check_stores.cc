#include "cli/fsck/check_stores.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <set>

#include "cli/persist/control.h"
#include "forebay/v1/tasks.rpc.h"

namespace forebay::cli {
namespace {

constexpr size_t kMostProblems = 10'000;
constexpr int kLooksInOneCall = 100;
constexpr Duration kPatience = std::chrono::seconds(60);
constexpr Duration kBeforeSecondLook = std::chrono::seconds(3);

// One mapping's stretch of one store.
class StoreCheck {
 public:
  StoreCheck(Shell& shell, client::PersistControl& control, os::Address worker, FsckFindings& found)
      : shell_(shell), control_(control), worker_(std::move(worker)), found_(found) {}

  Result<void> run(const v1::MappingRecord& mapping, const std::string& cluster) {
    v1::GetMountRequest get;
    get.set_mount(mapping.mount());
    ASSIGN_OR_RETURN(*list_.mutable_mount(), shell_.wait(control_.get_mount(shell_.who(), get)));
    list_.set_cluster(cluster);
    prefix_ = mapping.prefix().empty() ? "" : mapping.prefix() + "/";
    list_.set_prefix(prefix_);
    uri_ = list_.mount().record().uri() + "/";
    TRY(all());
    if (suspects_.empty()) return {};
    shell_.wait(shell_.env().clock.sleep(kBeforeSecondLook, std::stop_token()));
    for (const std::string& key : suspects_) TRY(second_look(key));
    return {};
  }

 private:
  Result<v1::ListStoreReply> ask(v1::ListStoreRequest request) {
    return shell_.wait(ask_once<v1::task_service::ListStore>(&shell_.env(), shell_.executor(), worker_, shell_.who(),
                                                             std::move(request), kPatience));
  }
  Result<v1::FsckKeysReply> compare(v1::ListStoreReply stored, const std::string& from, const std::string& to) {
    v1::FsckKeysRequest request;
    request.set_mount(list_.mount().mount());
    request.set_prefix(prefix_);
    request.set_from(from);
    request.set_to(to);
    request.mutable_keys()->Swap(stored.mutable_keys());
    return shell_.wait(control_.fsck_keys(shell_.who(), std::move(request)));
  }

  Result<void> all() {
    std::string from;
    do {
      ASSIGN_OR_RETURN(v1::ListStoreReply stored, ask(list_));
      list_.set_cursor(stored.cursor());
      // A page may be empty and still have a successor: then the next one is compared with its records, too.
      const bool is_last = stored.cursor().empty();
      if (!is_last && stored.keys().empty()) continue;
      const std::string to = is_last ? "" : stored.keys().rbegin()->key() + '\0';
      found_.stored_keys += static_cast<uint64_t>(stored.keys_size());
      ASSIGN_OR_RETURN(const v1::FsckKeysReply reply, compare(std::move(stored), from, to));
      for (const v1::KeyProblem& each : reply.problems()) suspect(each.key());
      TRY(look(reply));
      from = to;
    } while (!list_.cursor().empty());
    return {};
  }

  // Of what nothing is recorded, only our own is suspect.
  Result<void> look(const v1::FsckKeysReply& reply) {
    for (int begin = 0; begin < reply.unknown_size(); begin += kLooksInOneCall) {
      v1::ListStoreRequest request = list_;
      for (int i = begin; i < std::min(begin + kLooksInOneCall, reply.unknown_size()); ++i) request.add_look(reply.unknown(i));
      ASSIGN_OR_RETURN(const v1::ListStoreReply seen, ask(std::move(request)));
      for (const v1::StoredKey& each : seen.keys())
        if (each.seen().has_ours()) suspect(each.key());
    }
    return {};
  }
  void suspect(const std::string& key) {
    if (suspects_.size() < kMostProblems) suspects_.insert(key);
  }

  Result<void> second_look(const std::string& key) {
    v1::ListStoreRequest request = list_;
    request.add_look(key);
    ASSIGN_OR_RETURN(v1::ListStoreReply seen, ask(std::move(request)));
    ASSIGN_OR_RETURN(const v1::FsckKeysReply reply, compare(std::move(seen), key, key + '\0'));
    for (const v1::KeyProblem& each : reply.problems())
      if (found_.problems.size() < kMostProblems) found_.problems.push_back({uri_ + each.key(), 0, each.problem()});
    return {};
  }

  Shell& shell_;
  client::PersistControl& control_;
  const os::Address worker_;
  FsckFindings& found_;
  v1::ListStoreRequest list_;
  std::string prefix_, uri_;
  std::set<std::string> suspects_;
};

std::optional<os::Address> live_worker(const v1::ReportReply& report) {
  for (const v1::WorkerReport& worker : report.workers()) {
    if (worker.state() != "live") continue;
    if (Result<os::Address> address = os::Address::parse(worker.address().address())) return *address;
  }
  return std::nullopt;
}

}  // namespace

void check_stores(Shell& shell, const v1::ReportReply& report, FsckFindings& found) {
  auto unchecked = [&](const std::string& what, const Status& why) { found.unchecked.push_back(what + ": " + why.to_string()); };
  Result<std::unique_ptr<client::PersistControl>> control = persist_control(shell);
  if (!control) return unchecked("the under stores", control.error());
  Result<v1::GetMappingReply> mapping = shell.wait((*control)->mapping(shell.who()));
  if (!mapping) return unchecked("the under stores", mapping.error());
  if (mapping->mappings().empty()) return;
  const std::optional<os::Address> worker = live_worker(report);
  for (const v1::MappingRecord& each : mapping->mappings()) {
    const std::string name = "the under store of " + each.path();
    if (!worker) {
      found.unchecked.push_back(name + ": no worker is live");
      continue;
    }
    Result<void> checked = StoreCheck(shell, **control, *worker, found).run(each, report.cluster());
    if (!checked) unchecked(name, checked.error());
  }
}

}  // namespace forebay::cli
