// Which conditions a store honours: each is tried with a wrong value and with a right one.
#include <functional>
#include <set>

#include "base/crc32c.h"
#include "ufs/checked_store.h"

namespace forebay::ufs {
namespace {

// What became of one conditional call: done, refused because of its condition, or not understood by the store.
enum class Verdict { kDone, kConflict, kUnsupported };

// One probe: its keys, what to remove afterwards. Lives as long as the coroutine that made it.
class Probe {
 public:
  Probe(UnderStore* store, std::string prefix, Call call) : store_(store), prefix_(std::move(prefix)), call_(std::move(call)) {}

  Task<Result<Capabilities>> run() {
    CO_TRY(co_await check_store());
    CO_TRY(co_await try_puts());
    CO_TRY(co_await try_completions());
    CO_TRY(co_await try_copies());
    CO_TRY(co_await try_removal());
    co_return found_;
  }
  Task<Result<void>> clean_up() {
    Result<void> cleaned;
    for (const Upload& upload : uploads_) {
      Result<void> aborted = co_await store_->abort_upload(upload, call_);
      if (!aborted) cleaned = aborted;
    }
    for (const std::string& key : keys_) {
      Result<void> removed = co_await store_->remove(key, Condition::none(), call_);
      if (!removed) cleaned = removed;
    }
    co_return cleaned;
  }

 private:
  using Outcome = Result<Verdict>;

  template <class T>
  static Outcome verdict(const Result<T>& result) {
    if (result) return Verdict::kDone;
    switch (failure_of(result.error())) {
      case Failure::kConflict: return Verdict::kConflict;
      case Failure::kNotFound:
      case Failure::kPermanent: return Verdict::kUnsupported;
      default: return std::unexpected(result.error());
    }
  }
  static Stamp stamp() { return {.cluster = "probe"}; }
  std::string key(const char* name) {
    std::string key = prefix_ + "/" + name;
    keys_.insert(key);
    return key;
  }
  std::string fresh_content() { return "probe " + std::to_string(++contents_); }  // every object has another identity

  Task<Result<Identity>> put(std::string key, Condition condition) {
    const std::string content = fresh_content();
    TextSource source(content);
    co_return co_await store_->put({key, stamp(), condition, "probe"}, &source, call_);
  }
  Task<Result<Identity>> upload(std::string key, Condition condition) {
    CO_ASSIGN_OR_RETURN(Upload upload, co_await store_->create_upload({key, stamp(), "probe"}, call_));
    uploads_.push_back(upload);
    const std::string content = fresh_content();
    TextSource source(content);
    CO_ASSIGN_OR_RETURN(Part part, co_await store_->put_part(upload, 1, 0, &source, call_));
    std::vector<Part> parts{part};
    co_return co_await store_->complete_upload(upload, parts, condition, call_);
  }
  Task<Result<Identity>> identity(std::string key) {
    CO_ASSIGN_OR_RETURN(ObjectStat stat, co_await store_->head(key, call_));
    co_return stat.identity;
  }
  void found(Feature feature, const Outcome& wrong, const Outcome& right) {
    found_.set(feature, *wrong == Verdict::kConflict && *right == Verdict::kDone);
  }

  // Without conditions, so that their trouble is not taken for ours.
  Task<Result<void>> check_store() {
    CO_ASSIGN_OR_RETURN(Identity stored, co_await put(key("other"), Condition::none()));
    CO_ASSIGN_OR_RETURN(ObjectStat stat, co_await store_->head(key("other"), call_));
    if (stat.identity != stored)
      co_return refused(EOPNOTSUPP, store_->uri() + " tells another identity after a write than it stores");
    if (stat.stamp != stamp()) co_return refused(EOPNOTSUPP, store_->uri() + " does not keep the metadata of objects");
    other_ = stored;
    co_return Result<void>{};
  }

  Task<Result<void>> try_puts() {
    const std::string there = key("put"), free = key("put-free");
    CO_TRY(co_await put(there, Condition::none()));
    Outcome wrong = verdict(co_await put(there, Condition::absent()));
    CO_TRY(wrong);
    Outcome right = verdict(co_await put(free, Condition::absent()));
    CO_TRY(right);
    found(Feature::kPutIfAbsent, wrong, right);
    wrong = verdict(co_await put(there, Condition::is(other_)));
    CO_TRY(wrong);
    CO_ASSIGN_OR_RETURN(Identity now, co_await identity(there));  // what was ignored has written
    right = verdict(co_await put(there, Condition::is(now)));
    CO_TRY(right);
    found(Feature::kPutIfIdentity, wrong, right);
    co_return Result<void>{};
  }

  Task<Result<void>> try_completions() {
    const std::string there = key("upload"), free = key("upload-free");
    CO_TRY(co_await upload(there, Condition::none()));
    Outcome wrong = verdict(co_await upload(there, Condition::absent()));
    CO_TRY(wrong);
    Outcome right = verdict(co_await upload(free, Condition::absent()));
    CO_TRY(right);
    found(Feature::kCompleteIfAbsent, wrong, right);
    wrong = verdict(co_await upload(there, Condition::is(other_)));
    CO_TRY(wrong);
    CO_ASSIGN_OR_RETURN(Identity now, co_await identity(there));
    right = verdict(co_await upload(there, Condition::is(now)));
    CO_TRY(right);
    found(Feature::kCompleteIfIdentity, wrong, right);
    co_return Result<void>{};
  }

  Task<Outcome> copy(std::string to, Condition source, Condition target) {
    CopyRequest request{
        .from = key("source"), .source = source, .to = to, .target = target, .stamp = stamp(), .operation = "probe"};
    Result<Identity> copied = co_await store_->copy(request, call_);
    co_return verdict(copied);
  }
  Task<Result<void>> try_copies() {
    CO_ASSIGN_OR_RETURN(Identity source, co_await put(key("source"), Condition::none()));
    const std::string there = key("copy"), free = key("copy-free");
    Outcome wrong = co_await copy(there, Condition::is(other_), Condition::none());
    CO_TRY(wrong);
    Outcome right = co_await copy(there, Condition::is(source), Condition::none());
    CO_TRY(right);
    found(Feature::kCopyIfSourceIdentity, wrong, right);
    if (*right != Verdict::kDone) CO_TRY(co_await put(there, Condition::none()));
    wrong = co_await copy(there, Condition::none(), Condition::absent());
    CO_TRY(wrong);
    right = co_await copy(free, Condition::none(), Condition::absent());
    CO_TRY(right);
    found(Feature::kCopyIfAbsent, wrong, right);
    CO_TRY(co_await put(there, Condition::none()));
    wrong = co_await copy(there, Condition::none(), Condition::is(other_));
    CO_TRY(wrong);
    CO_ASSIGN_OR_RETURN(Identity now, co_await identity(there));
    right = co_await copy(there, Condition::none(), Condition::is(now));
    CO_TRY(right);
    found(Feature::kCopyIfIdentity, wrong, right);
    co_return Result<void>{};
  }

  Task<Result<void>> try_removal() {
    const std::string there = key("remove");
    CO_TRY(co_await put(there, Condition::none()));
    Outcome wrong = verdict(co_await store_->remove(there, Condition::is(other_), call_));
    CO_TRY(wrong);
    CO_ASSIGN_OR_RETURN(Identity now, co_await put(there, Condition::none()));  // it may be gone
    Outcome right = verdict(co_await store_->remove(there, Condition::is(now), call_));
    CO_TRY(right);
    Result<ObjectStat> after = co_await store_->head(there, call_);
    if (!after && failure_of(after.error()) != Failure::kNotFound) co_return std::unexpected(std::move(after).error());
    found(Feature::kRemoveIfIdentity, wrong, right);
    if (after) found_.set(Feature::kRemoveIfIdentity, false);  // said so, but did not do it
    co_return Result<void>{};
  }

  UnderStore* const store_;
  const std::string prefix_;
  const Call call_;
  Capabilities found_;
  Identity other_;  // of an object, but of none of those that are tried
  std::set<std::string> keys_;
  std::vector<Upload> uploads_;
  int contents_ = 0;
};

}  // namespace

Task<Result<Capabilities>> probe_conditions(UnderStore* store, std::string prefix, Call call) {
  Probe probe(store, std::move(prefix), call);
  Result<Capabilities> found = co_await probe.run();
  Result<void> cleaned = co_await probe.clean_up();
  if (!found) co_return std::unexpected(std::move(found).error().with_context("try the under store " + store->uri()));
  if (!cleaned) co_return std::unexpected(std::move(cleaned).error().with_context("clean up after trying " + store->uri()));
  co_return found;
}

}  // namespace forebay::ufs
