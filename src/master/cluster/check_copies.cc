#include "master/cluster/check_copies.h"

#include <algorithm>
#include <set>

#include "master/extents/objects.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

bool lists(const v1::ObjectRecord& record, WorkerId worker) {
  return std::ranges::find(record.workers(), worker.value) != record.workers().end();
}

std::string sizes(std::string_view what, uint64_t here, uint64_t wanted) {
  return std::string(what) + " " + std::to_string(here) + " instead of " + std::to_string(wanted);
}

class Comparison {
 public:
  Comparison(const kv::Reader& reader, WorkerId worker) : reader_(reader), worker_(worker) {}

  Result<void> stored(const v1::StoredObject& stored) {
    const ObjectId object{stored.object()};
    ASSIGN_OR_RETURN(auto record, load_object(reader_, object));
    if (!record || !lists(*record, worker_)) return unused(object, record.has_value());
    if (stored.length() < record->length()) {
      problem(object, sizes("is shorter than what was acknowledged:", stored.length(), record->length()));
    } else if (record->sealed() && stored.sealed()) {
      if (stored.length() != record->length()) problem(object, sizes("has another length:", stored.length(), record->length()));
      if (stored.crc32c() != record->crc32c()) problem(object, sizes("has another checksum:", stored.crc32c(), record->crc32c()));
    } else if (record->sealed()) {
      ASSIGN_OR_RETURN(const bool duty, has(key::seal_duty(worker_, object)));
      if (!duty) problem(object, "is sealed in the metadata and not at the worker");
    }
    return {};
  }

  Result<void> absent(ObjectId object) {
    ASSIGN_OR_RETURN(auto record, load_object(reader_, object));
    if (record && lists(*record, worker_) && (record->sealed() || record->length() > 0))
      problem(object, "is missing: " + std::to_string(record->length()) + " bytes of inode " + std::to_string(record->inode()));
    return {};
  }

  v1::FsckCopiesReply take() && { return std::move(reply_); }

 private:
  Result<void> unused(ObjectId object, bool known) {
    ASSIGN_OR_RETURN(const bool duty, has(key::remove_duty(worker_, object)));
    if (duty)
      reply_.set_to_be_removed(reply_.to_be_removed() + 1);
    else
      problem(object, known ? "is stored and not counted as a copy" : "is stored and in no file");
    return {};
  }
  Result<bool> has(const std::string& key) {
    ASSIGN_OR_RETURN(auto value, reader_.get(key));
    return value.has_value();
  }
  void problem(ObjectId object, std::string what) {
    v1::CopyProblem& problem = *reply_.add_problems();
    problem.set_object(object.value);
    problem.set_problem(std::move(what));
  }

  const kv::Reader& reader_;
  const WorkerId worker_;
  v1::FsckCopiesReply reply_;
};

}  // namespace

Result<v1::FsckCopiesReply> check_copies(const kv::Reader& reader, const v1::FsckCopiesRequest& page) {
  const WorkerId worker{page.worker()};
  Comparison comparison(reader, worker);
  std::set<uint64_t> stored;
  for (const v1::StoredObject& object : page.objects()) {
    const bool in_order = stored.empty() || *stored.rbegin() < object.object();
    if (!in_order || object.object() < page.from() || object.object() >= page.to())
      return invalid("object " + std::to_string(object.object()) + " is outside of its page, or out of order");
    stored.insert(stored.end(), object.object());
    TRY(comparison.stored(object));
  }
  std::optional<Status> failure;
  TRY(reader.scan(key::copy(worker, ObjectId{page.from()}), key::copy(worker, ObjectId{page.to()}),
                  [&](std::string_view key, std::string_view) {
                    const uint64_t object = read_big_endian(key.substr(1 + sizeof(uint64_t)));
                    if (stored.contains(object)) return true;
                    Result<void> looked = comparison.absent(ObjectId{object});
                    if (!looked) failure = std::move(looked).error();
                    return !failure;
                  }));
  if (failure) return std::unexpected(std::move(*failure));
  return std::move(comparison).take();
}

}  // namespace forebay::master
