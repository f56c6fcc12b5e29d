#include "store_history.h"

namespace forebay::cluster {
namespace {

constexpr size_t kMostWrong = 20;

std::string describe(const std::optional<ufs::ObjectState>& state) {
  if (!state) return "nothing";
  if (!state->stamp) return "somebody else's " + std::to_string(state->length) + " bytes";
  return "version " + std::to_string(state->stamp->version.value) + " of " + to_string(state->stamp->inode);
}

}  // namespace

void StoreHistory::fail(const ufs::KeyChange& change, const std::string& what) {
  if (wrong_.size() >= kMostWrong) return;
  wrong_.push_back("change " + std::to_string(change.sequence) + ", " + change.operation + " of '" + change.key + "' by " +
                   change.who + ", " + describe(change.before) + " → " + describe(change.after) + ": " + what);
}

void StoreHistory::check(const std::vector<ufs::KeyChange>& changes) {
  for (const ufs::KeyChange& change : changes) {
    if (change.key.starts_with("forebay-probe")) continue;
    if (change.after)
      now_[change.key] = *change.after;
    else
      now_.erase(change.key);
    if (change.operation != "foreign") check_change(change);
  }
}

void StoreHistory::check_change(const ufs::KeyChange& change) {
  const bool destroys = change.before && !change.before->stamp && !(change.after && change.after->stamp == change.before->stamp);
  if (destroys && !rules_.replaces_foreign) fail(change, "it is not ours to change");
  if (change.after && change.after->stamp) check_own(change);
}

void StoreHistory::check_own(const ufs::KeyChange& change) {
  const ufs::ObjectState& now = *change.after;
  const ContentId content{now.length, now.crc32c};
  if (content != ContentId{now.stamp->length, now.stamp->crc32c}) fail(change, "its stamp is of other bytes");
  if (!contents_.has(content)) fail(change, "these bytes were never a file's");
  uint64_t& newest = newest_[change.key][now.stamp->inode.value];
  if (now.stamp->version.value < newest) fail(change, "it showed version " + std::to_string(newest) + " before");
  newest = std::max(newest, now.stamp->version.value);
  // What comes back to a key that still has it may be copied over itself; uploaded it is not.
  const bool is_upload = change.operation == "put" || change.operation == "complete_upload";
  const bool again = is_upload && change.before && change.before->stamp && change.before->stamp->inode == now.stamp->inode &&
                     change.before->stamp->version == now.stamp->version;
  if (again && rules_.writes_once) fail(change, "it was there already");
  if (rules_.ordered) check_marker(change);
}

void StoreHistory::check_marker(const ufs::KeyChange& change) {
  const auto* shards = contents_.marker({change.after->length, change.after->crc32c});
  if (!shards) return;
  const std::string directory = change.key.substr(0, change.key.rfind('/') + 1);
  for (const auto& [name, content] : *shards) {
    const auto shard = now_.find(directory + name);
    const bool there = shard != now_.end() && ContentId{shard->second.length, shard->second.crc32c} == content;
    if (!there) fail(change, "the marker is visible before its shard '" + directory + name + "'");
  }
}

}  // namespace forebay::cluster
