#include "ufs/checked_store.h"

#include <cstdio>

namespace forebay::ufs {

CheckedStore::CheckedStore(std::unique_ptr<UnderStore> inner, os::Random& random, Capabilities known)
    : inner_(std::move(inner)), random_(random), known_(known) {}

Capabilities CheckedStore::capabilities() const {
  std::lock_guard lock(mutex_);
  return known_;
}

Task<Result<Capabilities>> CheckedStore::probe(Call call) {
  CO_ASSIGN_OR_RETURN(Capabilities found, co_await inner_->probe(call));
  char prefix[48];
  std::snprintf(prefix, sizeof prefix, "forebay-probe-%016llx", static_cast<unsigned long long>(random_.next()));
  CO_ASSIGN_OR_RETURN(Capabilities conditions, co_await probe_conditions(inner_.get(), prefix, call));
  for (int i = 0; i < kFeatures; ++i) {
    if (conditions.has(static_cast<Feature>(i))) found.set(static_cast<Feature>(i));
  }
  std::lock_guard lock(mutex_);
  known_ = found;
  co_return found;
}

Task<Result<Condition>> CheckedStore::checked(std::string key, Condition condition, Feature absent, Feature identity, Call call) {
  if (condition.is_none() || capabilities().has(condition.wants_absent() ? absent : identity)) co_return condition;
  Result<ObjectStat> found = co_await inner_->head(key, call);
  if (!found && failure_of(found.error()) != Failure::kNotFound) co_return std::unexpected(std::move(found).error());
  if (condition.holds(found ? &found->identity : nullptr)) co_return Condition::none();
  co_return conflict(quoted(key) + (found ? " holds something else: " + found->identity.text : " is missing"));
}

Task<Result<ObjectStat>> CheckedStore::head(std::string key, Call call) { co_return co_await inner_->head(key, call); }

Task<Result<Place>> CheckedStore::look(std::string path, Call call) { co_return co_await inner_->look(path, call); }

Task<Result<ObjectStat>> CheckedStore::get(std::string key, Range range, Condition condition, BodySink* sink, Call call) {
  co_return co_await inner_->get(key, range, condition, sink, call);
}

Task<Result<ListPage>> CheckedStore::list(ListRequest request, Call call) { co_return co_await inner_->list(request, call); }

Task<Result<Identity>> CheckedStore::put(PutRequest request, BodySource* body, Call call) {
  CO_TRY(check_key(request.key, limits()));
  CO_TRY(check_operation(request.operation));
  CO_ASSIGN_OR_RETURN(request.condition,
                      co_await checked(request.key, request.condition, Feature::kPutIfAbsent, Feature::kPutIfIdentity, call));
  co_return co_await inner_->put(request, body, call);
}

Task<Result<Upload>> CheckedStore::create_upload(UploadRequest request, Call call) {
  co_return co_await inner_->create_upload(request, call);
}

Task<Result<Part>> CheckedStore::put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) {
  co_return co_await inner_->put_part(upload, number, offset, body, call);
}

Task<Result<std::vector<Part>>> CheckedStore::list_parts(Upload upload, Call call) {
  co_return co_await inner_->list_parts(upload, call);
}

Task<Result<Identity>> CheckedStore::complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) {
  CO_TRY(check_parts(parts));
  CO_ASSIGN_OR_RETURN(condition,
                      co_await checked(upload.key, condition, Feature::kCompleteIfAbsent, Feature::kCompleteIfIdentity, call));
  co_return co_await inner_->complete_upload(upload, parts, condition, call);
}

Task<Result<void>> CheckedStore::abort_upload(Upload upload, Call call) { co_return co_await inner_->abort_upload(upload, call); }

Task<Result<UploadsPage>> CheckedStore::list_uploads(std::string prefix, std::string cursor, Call call) {
  co_return co_await inner_->list_uploads(prefix, cursor, call);
}

Task<Result<Identity>> CheckedStore::copy(CopyRequest request, Call call) {
  CO_TRY(check_key(request.from, limits()));
  CO_TRY(check_key(request.to, limits()));
  // A missing source is what it is, not a conflict.
  if (!request.source.is_none()) CO_TRY(co_await inner_->head(request.from, call));
  CO_ASSIGN_OR_RETURN(request.source, co_await checked(request.from, request.source, Feature::kCopyIfSourceIdentity,
                                                       Feature::kCopyIfSourceIdentity, call));
  CO_ASSIGN_OR_RETURN(request.target,
                      co_await checked(request.to, request.target, Feature::kCopyIfAbsent, Feature::kCopyIfIdentity, call));
  co_return co_await inner_->copy(request, call);
}

Task<Result<void>> CheckedStore::remove(std::string key, Condition condition, Call call) {
  CO_TRY(check_key(key, limits()));
  if (condition.wants_identity() && !capabilities().has(Feature::kRemoveIfIdentity)) {
    Result<ObjectStat> found = co_await inner_->head(key, call);
    if (!found && failure_of(found.error()) == Failure::kNotFound) co_return Result<void>{};
    CO_TRY(found);
    if (!condition.holds(&found->identity)) co_return conflict(quoted(key) + " holds something else: " + found->identity.text);
    condition = Condition::none();
  }
  co_return co_await inner_->remove(key, condition, call);
}

Task<Result<void>> CheckedStore::rename(std::string from, Condition source, std::string to, Condition target, Call call) {
  co_return co_await inner_->rename(from, source, to, target, call);
}

Task<Result<void>> CheckedStore::rename_directory(std::string from, std::string to, Call call) {
  co_return co_await inner_->rename_directory(from, to, call);
}

Task<Result<void>> CheckedStore::make_directory(std::string path, Attributes attributes, Call call) {
  co_return co_await inner_->make_directory(path, attributes, call);
}

Task<Result<void>> CheckedStore::remove_directory(std::string path, Call call) {
  co_return co_await inner_->remove_directory(path, call);
}

Task<Result<Identity>> CheckedStore::set_attributes(std::string path, Attributes attributes, Call call) {
  co_return co_await inner_->set_attributes(path, attributes, call);
}

}  // namespace forebay::ufs
