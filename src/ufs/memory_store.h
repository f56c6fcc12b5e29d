// One process's connection to an under store in memory.
#pragma once

#include <string>

#include "os/clock.h"
#include "ufs/memory_bucket.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

// UnderStore over a MemoryBucket; both the bucket and the clock outlive it. A call takes `latency`: half before the effect and
// half after it, in the clock's time, so that in a simulation calls overlap and a caller can die between effect and answer. Any
// executor.
class MemoryStore final : public UnderStore {
 public:
  struct Config {
    std::string who = "memory";  // in the bucket's logs
    Duration latency{0};
  };
  MemoryStore(MemoryBucket& bucket, os::Clock& clock, Config config);
  MemoryStore(MemoryBucket& bucket, os::Clock& clock) : MemoryStore(bucket, clock, Config()) {}

  const std::string& uri() const override { return uri_; }
  const Limits& limits() const override { return bucket_.config().limits; }
  Capabilities capabilities() const override { return bucket_.config().features; }
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
  // Half of the latency; `writes`: what a deadline that passes here means.
  Task<Result<void>> travel(Call call, bool writes);
  MemoryBucket::Caller caller() const;

  MemoryBucket& bucket_;
  os::Clock& clock_;
  const Config config_;
  const std::string uri_;
};

}  // namespace forebay::ufs
