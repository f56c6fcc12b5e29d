#include <utility>

#include "worker/persist/outcomes.h"
#include "worker/persist/steps.h"

namespace forebay::worker {

Task<Outcome> clear(const TaskContext* with) {
  const v1::OperationRecord& record = with->record();
  if (record.expected().identity().empty()) co_return co_await refused_after_looking(with);
  Task<Result<void>> removing =
      with->store.remove(record.key(), ufs::Condition::is({record.expected().identity()}), with->request());
  Result<void> removed = co_await std::move(removing);
  if (removed) co_return done({});
  co_return co_await after_failed_write(with, std::move(removed).error(), {});
}

}  // namespace forebay::worker
