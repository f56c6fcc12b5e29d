// Under store in a directory: a NAS, or a local file system ("file:///mnt/nas/data").
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "async/loop.h"
#include "os/env.h"
#include "ufs/in_time.h"
#include "ufs/posix/tree.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

struct PosixStoreConfig {
  PosixTreeConfig tree;
  size_t calls = 16;                  // blocking calls at a time; a NAS that hangs keeps so many threads and no more
  bool own_threads = false;           // as many as `calls`, so that they are not the process's own; else env.blocking's
  size_t buffer_bytes = kMiB;         // of each call that moves bytes
  size_t remembered_parts = 100'000;  // over all uploads; beyond it whole uploads are forgotten, the oldest first
  Capabilities known;                 // from an earlier probe
};

// See PosixTree for what happens on disk, and under_store.h for what it means. `env` outlives it. Conditions: absent() is atomic
// where the file system has hard links; others compare and rename, and what a foreign program does within these microseconds is
// lost. Ownership is changed only as root. Every call that changes a name is synced before it succeeds. list_parts() knows what
// this object wrote.
class PosixStore final : public UnderStore {
 public:
  PosixStore(os::Env& env, PosixStoreConfig config);

  const std::string& uri() const override { return uri_; }
  const Limits& limits() const override { return limits_; }
  Capabilities capabilities() const override;
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
  using File = std::shared_ptr<os::File>;  // shared with calls left behind
  using Buffer = std::shared_ptr<std::vector<std::byte>>;

  template <class F>
  auto blocking(F function, Call call, bool writes, std::string doing) {
    return calls_.run(std::move(function), std::move(call), writes, std::move(doing));
  }
  Task<Result<uint32_t>> write_body(File file, uint64_t offset, BodySource* body, Call call, std::string doing);  // its crc32c
  Task<Result<void>> stage_copy(CopyRequest request, PosixTree::Opened source, Call call);
  Task<void> drop_part(std::string key, std::string operation);
  void remember(const Upload& upload, const Part& part);
  void forget(const Upload& upload);

  os::Env& env_;
  const PosixStoreConfig config_;
  const std::string uri_;
  Limits limits_;
  const std::shared_ptr<PosixTree> tree_;  // shared with calls left behind
  const std::unique_ptr<async::Loop> threads_;
  BlockingCalls calls_;
  mutable std::mutex mutex_;
  Capabilities capabilities_;
  std::map<std::string, std::map<uint32_t, Part>> parts_;  // by part file
  std::deque<std::string> order_;                          // of parts_, oldest first
  size_t remembered_ = 0;
};

}  // namespace forebay::ufs
