#include "worker/persist/under_stores.h"

namespace forebay::worker {

Task<Result<std::shared_ptr<ufs::UnderStore>>> UnderStores::get(v1::Mount mount, ufs::Call call) {
  std::unique_ptr<Entry>& slot = entries_[mount.mount()];
  if (!slot) slot = std::make_unique<Entry>();
  Entry* entry = slot.get();
  auto guard = co_await entry->mutex.lock();
  const std::string record = mount.record().SerializeAsString();
  if (entry->record == record && entry->store) co_return entry->store;
  if (entry->record == record && entry->failure && env_.clock.now() < entry->retry_at) co_return std::unexpected(*entry->failure);
  entry->record = record;
  entry->store.reset();
  Task<Result<std::shared_ptr<ufs::UnderStore>>> opening = open(mount.record(), std::move(call));
  Result<std::shared_ptr<ufs::UnderStore>> opened = co_await std::move(opening);
  if (opened) {
    entry->store = *opened;
    entry->failure.reset();
    co_return opened;
  }
  if (!opened.error().is(Code::kCancelled)) {
    entry->failure = opened.error();
    entry->retry_at = env_.clock.now() + std::chrono::seconds(5);
  }
  co_return opened;
}

Task<Result<std::shared_ptr<ufs::UnderStore>>> UnderStores::open(v1::MountRecord record, ufs::Call call) {
  ufs::StoreOptions options;
  for (const v1::MountOption& option : record.options()) options[option.name()] = option.value();
  CO_ASSIGN_OR_RETURN(std::unique_ptr<ufs::UnderStore> opened, open_(record.uri(), options));
  std::shared_ptr<ufs::UnderStore> store = std::move(opened);
  if (store->capabilities() == ufs::Capabilities{}) {
    Task<Result<ufs::Capabilities>> probing = store->probe(std::move(call));
    CO_TRY(co_await std::move(probing));
  }
  co_return store;
}

}  // namespace forebay::worker
