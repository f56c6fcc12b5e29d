// Starts, ends and layouts of many operations in one call: a commit for all of them.
#include "master/ops/item.h"
#include "master/persist/ops.h"

namespace forebay::master::ops {
namespace {

constexpr int kMostTogether = 64;           // in one call
constexpr uint64_t kMostBytes = 1'000'000;  // of one answer, and what the last of them brings: a message has 4 MiB

// A damaged record of one must not hold the others up: only what is wrong with the store itself is the call's.
bool is_one_operations(const Status& status) {
  return is_items_own(status) || status.is(Code::kStale) || status.is(Code::kBusy) || status.is(Code::kCorrupt);
}

Result<void> check_together(const Caller& caller, int count) {
  TRY(check_superuser(caller));
  if (count > kMostTogether) return invalid("more than 64 operations in one call");
  return {};
}

// Appends what `act` comes to for one of them.
template <class Answer, class Act>
Result<void> answer_one(MutationContext& context, Answer& answer, Act act) {
  auto done = apply_item(context, act);
  if (done)
    *answer.mutable_reply() = *std::move(done);
  else if (is_one_operations(done.error()))
    *answer.mutable_error() = rpc::to_detail(done.error());
  else
    return std::unexpected(std::move(done).error());
  return {};
}

}  // namespace

Result<v1::StartIntentsReply> start_intents(MutationContext& context, const v1::StartIntentsRequest& request) {
  TRY(check_together(context.caller, request.intents_size()));
  v1::StartIntentsReply reply;
  uint64_t bytes = 0;
  for (const v1::StartIntentRequest& one : request.intents()) {
    v1::StartedIntent& answer = *reply.add_answers();
    if (bytes < kMostBytes)
      TRY(answer_one(context, answer, [&](MutationContext& inner) { return start_intent(inner, one); }));
    else
      answer.mutable_reply()->set_waits("an answer that has room for it");
    bytes += answer.ByteSizeLong();
  }
  return reply;
}

Result<v1::FinishOperationsReply> finish_operations(MutationContext& context, const v1::FinishOperationsRequest& request) {
  TRY(check_together(context.caller, request.operations_size()));
  v1::FinishOperationsReply reply;
  for (const v1::FinishOperationRequest& one : request.operations())
    TRY(answer_one(context, *reply.add_answers(), [&](MutationContext& inner) { return finish_operation(inner, one); }));
  return reply;
}

Result<v1::GetUploadLayoutsReply> get_upload_layouts(QueryContext& context, const v1::GetUploadLayoutsRequest& request) {
  TRY(check_together(context.caller, request.operations_size()));
  v1::GetUploadLayoutsReply reply;
  uint64_t bytes = 0;
  for (const v1::GetUploadLayoutRequest& one : request.operations()) {
    v1::UploadLayout& answer = *reply.add_layouts();
    if (bytes >= kMostBytes) continue;
    Result<v1::Layout> layout = get_upload_layout(context, one);
    if (!layout && !is_one_operations(layout.error())) return std::unexpected(std::move(layout).error());
    if (!layout) continue;
    bytes += layout->ByteSizeLong();
    *answer.mutable_layout() = *std::move(layout);
  }
  return reply;
}

}  // namespace forebay::master::ops
