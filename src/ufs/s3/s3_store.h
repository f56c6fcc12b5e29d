// Under store in an S3 bucket: AWS, MinIO, Ceph RGW, GCS, OSS, COS.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "obs/log.h"
#include "os/env.h"
#include "ufs/s3/client.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

struct S3StoreConfig {
  S3ClientConfig client;
  std::string prefix;  // "" or "a/b/": in front of every key
  bool directory_markers = false;
  uint64_t copy_bytes = 5 * kGiB;         // larger objects are copied in parts …
  uint64_t copy_part_bytes = 512 * kMiB;  // … of this size, one after the other
};

// Every condition is sent to the store as it is, and the store is believed: CheckedStore around it finds out which conditions the
// store honours, and looks first where it does not. The identity is the ETag, the stamp is user metadata. See S3Client for
// retries; a PUT, a completion or a removal is never sent twice here. `env` and `log` outlive it.
class S3Store final : public UnderStore {
 public:
  S3Store(os::Env& env, S3StoreConfig config, Environment environment, obs::Log& log);

  const std::string& uri() const override { return uri_; }
  const Limits& limits() const override { return limits_; }
  Capabilities capabilities() const override { return {}; }
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

  // An object without a stamp, as other programs write them: for tests.
  Task<Result<Identity>> put_plain(std::string key, std::string content, Call call);

 private:
  std::string full(const std::string& key) const { return config_.prefix + key; }
  Result<void> check(const std::string& key) const { return check_key(key, limits_, config_.prefix.size()); }
  std::string copy_source(const std::string& key) const;
  Task<Result<void>> check_bucket(Call call);
  Task<Result<void>> confirm(std::string key, std::optional<uint64_t> length, Call call);
  Task<Result<Identity>> identity_after(HttpResponse response, std::string key, std::optional<Stamp> stamp, Call call);
  Task<Result<Identity>> identity_of_result(std::string etag, std::string key, uint64_t length, Call call);
  Task<Result<Identity>> copy_at_once(CopyRequest request, uint64_t length, Call call);
  Task<Result<Identity>> copy_in_parts(CopyRequest request, ObjectStat source, Call call);
  Task<Result<Part>> copy_part(Upload upload, Part part, CopyRequest request, Identity source, Call call);
  Task<Result<bool>> has_entries(std::string path, Call call);

  os::Env& env_;
  const S3StoreConfig config_;
  const std::string uri_;
  Limits limits_;
  S3Client client_;
  mutable std::mutex mutex_;
  os::Instant bucket_seen_{};  // when the bucket was there last
};

// What requests and answers have in common.
inline constexpr const char* kStampHeader = "x-amz-meta-forebay-stamp";
void add_condition(NamedValues& headers, const Condition& condition);  // If-None-Match, If-Match
Result<ObjectStat> stat_of(const HttpResponse& response, const std::string& doing);

}  // namespace forebay::ufs
