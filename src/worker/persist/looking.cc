#include "worker/persist/looking.h"

#include <utility>

namespace forebay::worker {

namespace {

constexpr int kMostLooks = 100;

Task<Result<v1::ListStoreReply>> look_at(ufs::UnderStore* store, v1::ListStoreRequest request, ufs::Call call) {
  v1::ListStoreReply reply;
  for (const std::string& key : request.look()) {
    v1::StoredKey& stored = *reply.add_keys();
    stored.set_key(key);
    Task<Result<v1::Seen>> seeing = see_at(store, request.cluster(), key, call);
    CO_ASSIGN_OR_RETURN(*stored.mutable_seen(), co_await std::move(seeing));
    const v1::Seen& seen = stored.seen();
    stored.set_identity(seen.has_ours() ? seen.ours().identity() : seen.foreign().identity());
  }
  co_return reply;
}

}  // namespace

Task<Result<v1::Seen>> see_at(ufs::UnderStore* store, std::string cluster, std::string key, ufs::Call call) {
  Task<Result<ufs::ObjectStat>> asking = store->head(std::move(key), std::move(call));
  Result<ufs::ObjectStat> stat = co_await std::move(asking);
  v1::Seen seen;
  if (!stat && ufs::failure_of(stat.error()) == ufs::Failure::kNotFound) {
    seen.mutable_nothing();
    co_return seen;
  }
  if (!stat) co_return std::unexpected(std::move(stat).error());
  if (stat->stamp && stat->stamp->cluster == cluster) {
    seen.mutable_ours()->set_inode(stat->stamp->inode.value);
    seen.mutable_ours()->set_version(stat->stamp->version.value);
    seen.mutable_ours()->set_identity(stat->identity.text);
    co_return seen;
  }
  seen.mutable_foreign()->set_identity(stat->identity.text);
  seen.mutable_foreign()->set_length(stat->length);
  seen.mutable_foreign()->set_mtime_ns(stat->mtime_ns);
  co_return seen;
}

Task<Result<v1::ListStoreReply>> list_store(ufs::UnderStore* store, v1::ListStoreRequest request, ufs::Call call) {
  if (request.look_size() > kMostLooks) co_return invalid("more than 100 keys to look at in one call");
  if (request.look_size() != 0) co_return co_await look_at(store, std::move(request), std::move(call));
  ufs::ListRequest list{.prefix = request.prefix(), .by_directory = false, .start_after = "", .cursor = request.cursor()};
  Task<Result<ufs::ListPage>> listing = store->list(std::move(list), std::move(call));
  CO_ASSIGN_OR_RETURN(const ufs::ListPage page, co_await std::move(listing));
  v1::ListStoreReply reply;
  for (const ufs::ListEntry& entry : page.entries) {
    if (entry.is_directory) continue;
    v1::StoredKey& stored = *reply.add_keys();
    stored.set_key(entry.key);
    stored.set_identity(entry.identity.text);
  }
  reply.set_cursor(page.cursor);
  co_return reply;
}

}  // namespace forebay::worker
