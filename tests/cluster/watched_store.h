// A key-value store whose calls pass a watch.
#pragma once

#include <memory>
#include <utility>

#include "kv/store.h"
#include "os/seam_watch.h"

namespace forebay::cluster {

// "kv.write" and "kv.sync" ask the watch; reads do not. The watch outlives it. One thread.
class WatchedStore final : public kv::Store {
 public:
  WatchedStore(std::unique_ptr<kv::Store> inner, os::SeamWatch& watch) : inner_(std::move(inner)), watch_(watch) {}

  Result<std::optional<std::string>> get(std::string_view key) const override { return inner_->get(key); }
  Result<void> scan(std::string_view begin, std::string_view end,
                    const std::function<bool(std::string_view, std::string_view)>& each) const override {
    return inner_->scan(begin, end, each);
  }
  Result<void> write(const kv::WriteBatch& batch) override {
    return ask({"kv.write", "", batch.changes().size()}, [&] { return inner_->write(batch); });
  }
  Result<void> sync() override {
    return ask({"kv.sync", ""}, [&] { return inner_->sync(); });
  }
  std::unique_ptr<kv::Reader> snapshot() const override { return inner_->snapshot(); }
  uint64_t approximate_bytes() const override { return inner_->approximate_bytes(); }
  Result<void> accepts_writes() const override {
    if (broken_) return forebay::broken("a call to the store failed before");
    return inner_->accepts_writes();
  }

 private:
  // A batch is one: it is written or not, never half.
  template <class Do>
  Result<void> ask(const os::SeamCall& call, Do perform) {
    TRY(accepts_writes());
    os::SeamFate fate = watch_.before(call);
    if (fate.is_plain()) return perform();
    Result<void> done;
    if (fate.error == 0 || fate.done_bytes == os::SeamFate::kAll) done = perform();
    if (fate.then) fate.then();
    if (fate.error == 0) return done;
    broken_ = true;
    return forebay::broken(std::string(call.name) + " failed");
  }

  const std::unique_ptr<kv::Store> inner_;
  os::SeamWatch& watch_;
  bool broken_ = false;  // as a store has to be after a failure: its state on disk is not known
};

}  // namespace forebay::cluster
