// A store whose conditions are not taken on trust.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "os/random.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// Hands every call to `inner`. A condition that the store is known to honour goes with it; for any other the key is looked at
// first, and the call is made without it: what someone else does in between is lost (Capabilities::lost() says so). Known is what
// probe() found, or what was found earlier and is given here. Owns `inner`; `random` outlives it. Any executor.
class CheckedStore final : public UnderStore {
 public:
  CheckedStore(std::unique_ptr<UnderStore> inner, os::Random& random, Capabilities known);

  const std::string& uri() const override { return inner_->uri(); }
  const Limits& limits() const override { return inner_->limits(); }
  Capabilities capabilities() const override;
  // Each condition with a wrong value, which has to be refused, and with a right one, which has to be accepted: there are stores
  // that ignore a condition, and stores that refuse whatever it says. Writes "forebay-probe-…" below the mount, about 30
  // requests, and removes it.
  Task<Result<Capabilities>> probe(Call call) override;

  Task<Result<ObjectStat>> head(std::string key, Call call) override;
  Task<Result<Place>> look(std::string path, Call call) override;
  Task<Result<ObjectStat>> get(std::string key, Range range, Condition condition, BodySink* sink, Call call) override;
  Task<Result<ListPage>> list(ListRequest request, Call call) override;
  Task<Result<Identity>> put(PutRequest request, BodySource* body, Call call) override;
  Task<Result<Upload>> create_upload(UploadRequest request, Call call) override;
  Task<Result<Part>> put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) override;
  Task<Result<std::vector<Part>>> list_parts(Upload upload, Call call) override;
  Task<Result<Identity>> complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) override;
  Task<Result<void>> abort_upload(Upload upload, Call call) override;
  Task<Result<UploadsPage>> list_uploads(std::string prefix, std::string cursor, Call call) override;
  Task<Result<Identity>> copy(CopyRequest request, Call call) override;
  Task<Result<void>> remove(std::string key, Condition condition, Call call) override;
  Task<Result<void>> rename(std::string from, Condition source, std::string to, Condition target, Call call) override;
  Task<Result<void>> rename_directory(std::string from, std::string to, Call call) override;
  Task<Result<void>> make_directory(std::string path, Attributes attributes, Call call) override;
  Task<Result<void>> remove_directory(std::string path, Call call) override;
  Task<Result<Identity>> set_attributes(std::string path, Attributes attributes, Call call) override;

 private:
  // What is left of the condition for the store to check, after looking where that is needed; kConflict if it does not hold.
  Task<Result<Condition>> checked(std::string key, Condition condition, Feature absent, Feature identity, Call call);

  const std::unique_ptr<UnderStore> inner_;
  os::Random& random_;
  mutable std::mutex mutex_;
  Capabilities known_;
};

// The probe by itself: what `store` honours, tried on keys that begin with `prefix`, which are removed afterwards.
Task<Result<Capabilities>> probe_conditions(UnderStore* store, std::string prefix, Call call);

}  // namespace forebay::ufs
