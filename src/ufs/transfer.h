// Large objects, several parts or ranges at a time.
#pragma once

#include <cstdint>
#include <functional>

#include "ufs/under_store.h"

namespace forebay::ufs {

struct TransferConfig {
  uint64_t part_bytes = 8 * kMiB;  // at least; larger where the store's number of parts asks for it
  size_t parallel = 4;             // parts under way: that many times the store's buffers of one call
};

// Uploads the whole source and completes it on the condition. `source` is read at up to `parallel` places at a time. `created`
// hears of the upload before its first part, to record it; its error ends the transfer. `resumed`: parts that are there already.
// `publish` is waited for when all parts are there, before the object becomes visible; its error ends the transfer as well.
// After a failure the upload is aborted, unless the outcome is unknown or `created` is set: then whoever recorded it fences.
struct UploadPlan {
  UploadRequest request;
  Condition condition;
  TransferConfig config;
  std::function<Task<Result<void>>(Upload)> created;
  std::function<Task<Result<void>>()> publish;
};
Task<Result<Identity>> upload_in_parts(UnderStore* store, UploadPlan plan, BodySource* source, Call call);
// The same for an upload that is there, with the parts that list_parts() told. They must be of this size but for the last.
Task<Result<Identity>> resume_upload(UnderStore* store, Upload upload, std::vector<Part> resumed, UploadPlan plan,
                                     BodySource* source, Call call);

// Takes ranges in any order, up to `parallel` at a time.
class RangeSink {
 public:
  virtual ~RangeSink() = default;
  virtual Task<Result<void>> write(uint64_t offset, Bytes data) = 0;
};
// So many bytes from there of exactly this identity, told to the sink by their offset in the object: kConflict when the key holds
// another one, also in the middle; `corrupt` when it is shorter.
Task<Result<void>> download_in_ranges(UnderStore* store, std::string key, Identity identity, Range range, TransferConfig config,
                                      RangeSink* sink, Call call);

}  // namespace forebay::ufs
