// What a store has against what is recorded of its keys.
#include <algorithm>

#include "base/text.h"
#include "master/persist/ops.h"
#include "master/schema.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostKeys = 1'000;

// One stretch of a listing beside the records of the same stretch; both in byte order.
class KeyComparison {
 public:
  KeyComparison(const kv::Reader& reader, const v1::FsckKeysRequest& request) : reader_(reader), request_(request) {}
  Result<v1::FsckKeysReply> run();

 private:
  Result<void> compare(const std::string& name, const v1::KeyRecord& record, const v1::StoredKey* stored);
  void unrecorded(const v1::StoredKey& stored);
  void problem(const std::string& name, std::string what) {
    v1::KeyProblem& added = *reply_.add_problems();
    added.set_key(name);
    added.set_problem(readable_text(what));
  }

  const kv::Reader& reader_;
  const v1::FsckKeysRequest& request_;
  v1::FsckKeysReply reply_;
};

Result<v1::FsckKeysReply> KeyComparison::run() {
  const std::string all = key::stored_key(request_.mount(), request_.prefix());
  const std::string begin = std::max(all, key::stored_key(request_.mount(), request_.from()));
  const std::string end = request_.to().empty() ? kv::prefix_end(all) : key::stored_key(request_.mount(), request_.to());
  auto next = request_.keys().begin();
  Result<void> compared;
  TRY(reader_.scan(begin, end, [&](std::string_view key, std::string_view value) {
    v1::KeyRecord record;
    const std::string name(key.substr(9));
    if (!record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
      compared = std::unexpected(corrupt_record(key));
      return false;
    }
    for (; next != request_.keys().end() && next->key() < name; ++next) unrecorded(*next);
    const bool is_listed = next != request_.keys().end() && next->key() == name;
    compared = compare(name, record, is_listed ? &*next : nullptr);
    if (is_listed) ++next;
    return compared.has_value();
  }));
  TRY(compared);
  for (; next != request_.keys().end(); ++next) unrecorded(*next);
  return std::move(reply_);
}

Result<void> KeyComparison::compare(const std::string& name, const v1::KeyRecord& record, const v1::StoredKey* stored) {
  reply_.set_checked(reply_.checked() + 1);
  if (record.operation() != 0 || record.has_clear()) return {};  // it is being changed
  const bool is_there = stored && !stored->seen().has_nothing();
  if (record.binding() == 0) {
    if (is_there && !record.has_ours()) unrecorded(*stored);
    return {};
  }
  ASSIGN_OR_RETURN(const auto binding, read_record<v1::BindingRecord>(reader_, key::binding(record.binding())));
  if (!binding || binding->has_conflict()) return {};  // the check of the records, or the list of conflicts, tells
  const std::string version =
      "version " + std::to_string(binding->bound().version()) + " of inode " + std::to_string(binding->inode());
  if (!is_there) {
    problem(name, version + " is recorded here, and the store has nothing");
  } else if (stored->identity() != binding->bound().identity()) {
    problem(name, version + " is recorded here as '" + binding->bound().identity() + "', and the store has '" +
                      stored->identity() + "': somebody has changed it");
  }
  return {};
}

// Who wrote it has to be looked at; once that was done, what is ours is left over.
void KeyComparison::unrecorded(const v1::StoredKey& stored) {
  if (!stored.has_seen()) {
    reply_.add_unknown(stored.key());
  } else if (stored.seen().has_ours()) {
    problem(stored.key(), "version " + std::to_string(stored.seen().ours().version()) + " of inode " +
                              std::to_string(stored.seen().ours().inode()) + " is here, and nothing is recorded of it");
  }
}

}  // namespace

Result<v1::FsckKeysReply> fsck_keys(QueryContext& context, const v1::FsckKeysRequest& request) {
  TRY(check_superuser(context.caller));
  if (request.keys_size() > kMostKeys) return invalid("more than 1000 keys in one call");
  if (!std::ranges::is_sorted(request.keys(), {}, &v1::StoredKey::key)) return invalid("keys that are not in byte order");
  return KeyComparison(context.reader, request).run();
}

}  // namespace forebay::master::ops
