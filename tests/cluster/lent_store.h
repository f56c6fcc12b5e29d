// An under store that somebody else owns too.
#pragma once

#include <memory>
#include <utility>

#include "ufs/under_store.h"

namespace forebay::cluster {

// A store that is shared with the cluster, as the worker owns stores.
class LentStore final : public ufs::UnderStore {
 public:
  explicit LentStore(std::shared_ptr<ufs::UnderStore> store) : store_(std::move(store)) {}
  const std::string& uri() const override { return store_->uri(); }
  const ufs::Limits& limits() const override { return store_->limits(); }
  ufs::Capabilities capabilities() const override { return store_->capabilities(); }
  Task<Result<ufs::Capabilities>> probe(ufs::Call call) override { return store_->probe(call); }
  Task<Result<ufs::ObjectStat>> head(std::string key, ufs::Call call) override { return store_->head(key, call); }
  Task<Result<ufs::Place>> look(std::string path, ufs::Call call) override { return store_->look(path, call); }
  Task<Result<ufs::ObjectStat>> get(std::string key, ufs::Range range, ufs::Condition condition, ufs::BodySink* sink,
                                    ufs::Call call) override {
    return store_->get(key, range, condition, sink, call);
  }
  Task<Result<ufs::ListPage>> list(ufs::ListRequest request, ufs::Call call) override { return store_->list(request, call); }
  Task<Result<ufs::Identity>> put(ufs::PutRequest request, ufs::BodySource* body, ufs::Call call) override {
    return store_->put(request, body, call);
  }
  Task<Result<ufs::Upload>> create_upload(ufs::UploadRequest request, ufs::Call call) override {
    return store_->create_upload(request, call);
  }
  Task<Result<ufs::Part>> put_part(ufs::Upload upload, uint32_t number, uint64_t offset, ufs::BodySource* body,
                                   ufs::Call call) override {
    return store_->put_part(upload, number, offset, body, call);
  }
  Task<Result<std::vector<ufs::Part>>> list_parts(ufs::Upload upload, ufs::Call call) override {
    return store_->list_parts(upload, call);
  }
  Task<Result<ufs::Identity>> complete_upload(ufs::Upload upload, std::vector<ufs::Part> parts, ufs::Condition condition,
                                              ufs::Call call) override {
    return store_->complete_upload(upload, parts, condition, call);
  }
  Task<Result<void>> abort_upload(ufs::Upload upload, ufs::Call call) override { return store_->abort_upload(upload, call); }
  Task<Result<ufs::UploadsPage>> list_uploads(std::string prefix, std::string cursor, ufs::Call call) override {
    return store_->list_uploads(prefix, cursor, call);
  }
  Task<Result<ufs::Identity>> copy(ufs::CopyRequest request, ufs::Call call) override { return store_->copy(request, call); }
  Task<Result<void>> remove(std::string key, ufs::Condition condition, ufs::Call call) override {
    return store_->remove(key, condition, call);
  }
  Task<Result<void>> rename(std::string from, ufs::Condition source, std::string to, ufs::Condition target,
                            ufs::Call call) override {
    return store_->rename(from, source, to, target, call);
  }
  Task<Result<void>> rename_directory(std::string from, std::string to, ufs::Call call) override {
    return store_->rename_directory(from, to, call);
  }
  Task<Result<void>> make_directory(std::string path, ufs::Attributes attributes, ufs::Call call) override {
    return store_->make_directory(path, attributes, call);
  }
  Task<Result<void>> remove_directory(std::string path, ufs::Call call) override { return store_->remove_directory(path, call); }
  Task<Result<ufs::Identity>> set_attributes(std::string path, ufs::Attributes attributes, ufs::Call call) override {
    return store_->set_attributes(path, attributes, call);
  }

 private:
  const std::shared_ptr<ufs::UnderStore> store_;  // shared with the cluster, which stops it
};

}  // namespace forebay::cluster
