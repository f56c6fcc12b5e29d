#include "ufs/transfer.h"

#include <algorithm>
#include <mutex>

#include "async/sync.h"

namespace forebay::ufs {
namespace {

// Runs step(0), step(1), … step(count - 1), `parallel` at a time, until one fails; then no further one begins, and those under
// way are told to stop. The first error is the answer.
class Steps {
 public:
  using Step = std::function<Task<Result<void>>(uint64_t index, Call call)>;

  static Task<Result<void>> run(uint64_t count, size_t parallel, Step step, Call call) {
    Steps steps(count, std::move(step), call);
    async::Scope scope(co_await async::current_executor());
    const uint64_t workers = std::min<uint64_t>(std::max<size_t>(parallel, 1), count);
    steps.working_ = workers;
    for (uint64_t i = 0; i < workers; ++i) scope.spawn(work(&steps));
    if (workers > 0) co_await steps.ended_.wait();
    co_await scope.stop();
    if (steps.error_) co_return std::unexpected(*std::move(steps.error_));
    co_return Result<void>{};
  }

 private:
  Steps(uint64_t count, Step step, Call call)
      : count_(count), step_(std::move(step)), deadline_(call.deadline), on_stop_(call.stop, [this] { stop_.request_stop(); }) {}

  static Task<void> work(Steps* steps) {
    for (;;) {
      uint64_t index = 0;
      {
        std::lock_guard lock(steps->mutex_);
        if (steps->error_ || steps->next_ == steps->count_) break;
        index = steps->next_++;
      }
      Task<Result<void>> task = steps->step_(index, {steps->deadline_, steps->stop_.get_token()});
      Result<void> done = co_await std::move(task);
      if (done) continue;
      {
        std::lock_guard lock(steps->mutex_);
        if (!steps->error_) steps->error_ = std::move(done).error();
      }
      steps->stop_.request_stop();
      break;
    }
    bool is_last = false;
    {
      std::lock_guard lock(steps->mutex_);
      is_last = --steps->working_ == 0;
    }
    if (is_last) steps->ended_.set();
  }

  const uint64_t count_;
  const Step step_;
  const os::Instant deadline_;
  std::stop_source stop_;
  std::mutex mutex_;
  uint64_t next_ = 0, working_ = 0;
  std::optional<Status> error_;
  async::Event ended_;
  std::stop_callback<std::function<void()>> on_stop_;  // last: it may run at once
};

// Parts of one upload, with their results. Outlives the steps.
struct PartsUpload {
  UnderStore* store;
  Upload upload;
  BodySource* source;
  uint64_t part_bytes;
  std::vector<Part> parts;  // each written by one step

  static Task<Result<void>> put(PartsUpload* self, uint64_t index, Call call) {
    Part& part = self->parts[index];
    if (!part.tag.empty()) co_return Result<void>{};
    const uint64_t offset = index * self->part_bytes;
    RangeSource body(*self->source, offset, std::min(self->part_bytes, self->source->length() - offset));
    CO_ASSIGN_OR_RETURN(part,
                        co_await self->store->put_part(self->upload, static_cast<uint32_t>(index + 1), offset, &body, call));
    co_return Result<void>{};
  }
};

}  // namespace

Task<Result<Identity>> resume_upload(UnderStore* store, Upload upload, std::vector<Part> resumed, UploadPlan plan,
                                     BodySource* source, Call call) {
  const uint64_t length = source->length();
  if (length > store->limits().object_bytes) {
    co_return refused(EFBIG, "upload " + quoted(upload.key) + ": " + std::to_string(length) + " bytes, at most " +
                                 std::to_string(store->limits().object_bytes) + " are possible");
  }
  PartsUpload state{store, upload, source, store->limits().part_size(length, plan.config.part_bytes), {}};
  const uint64_t count = std::max<uint64_t>(1, (length + state.part_bytes - 1) / state.part_bytes);
  if (count > store->limits().parts)
    co_return refused(E2BIG, "upload " + quoted(upload.key) + ": " + std::to_string(count) + " parts");
  state.parts.resize(count);
  for (const Part& part : resumed) {
    const uint64_t offset = (part.number - 1) * state.part_bytes;
    const bool fits = part.number >= 1 && part.number <= count && part.length == std::min(state.part_bytes, length - offset);
    if (!fits) continue;  // of another size: sent again, in its place
    state.parts[part.number - 1] = part;
    state.parts[part.number - 1].offset = offset;
  }
  Steps::Step step = [&state](uint64_t index, Call part_call) { return PartsUpload::put(&state, index, part_call); };
  CO_TRY(co_await Steps::run(count, plan.config.parallel, step, call));
  if (plan.publish) {
    Task<Result<void>> waiting = plan.publish();
    CO_TRY(co_await std::move(waiting));
  }
  co_return co_await store->complete_upload(upload, state.parts, plan.condition, call);
}

Task<Result<Identity>> upload_in_parts(UnderStore* store, UploadPlan plan, BodySource* source, Call call) {
  if (source->length() > store->limits().object_bytes) {
    co_return refused(EFBIG, "upload " + quoted(plan.request.key) + ": " + std::to_string(source->length()) + " bytes, at most " +
                                 std::to_string(store->limits().object_bytes) + " are possible");
  }
  CO_ASSIGN_OR_RETURN(Upload upload, co_await store->create_upload(plan.request, call));
  Result<Identity> stored = Identity{};
  if (plan.created) {
    Task<Result<void>> task = plan.created(upload);
    Result<void> recorded = co_await std::move(task);
    if (!recorded) stored = std::unexpected(std::move(recorded).error());
  }
  if (stored) stored = co_await resume_upload(store, upload, {}, plan, source, call);
  const bool is_over = stored || plan.created || failure_of(stored.error()) == Failure::kUnknown;
  if (!is_over) (void)co_await store->abort_upload(upload, {.deadline = call.deadline});
  co_return stored;
}

namespace {

// Puts a range's bytes where they belong.
class AtOffset final : public BodySink {
 public:
  AtOffset(RangeSink* sink, uint64_t offset) : sink_(sink), offset_(offset) {}
  Task<Result<void>> write(Bytes data) override {
    const uint64_t at = offset_;
    offset_ += data.size();
    return sink_->write(at, data);
  }
  uint64_t offset() const { return offset_; }

 private:
  RangeSink* const sink_;
  uint64_t offset_;
};

struct RangesDownload {
  UnderStore* store;
  std::string key;
  Identity identity;
  Range range;
  uint64_t part_bytes;
  RangeSink* sink;

  static Task<Result<void>> get(RangesDownload* self, uint64_t index, Call call) {
    const uint64_t offset = self->range.offset + index * self->part_bytes;
    const uint64_t end = std::min(self->range.offset + self->range.length, offset + self->part_bytes);
    AtOffset sink(self->sink, offset);
    CO_TRY(co_await self->store->get(self->key, {offset, end - offset}, Condition::is(self->identity), &sink, call));
    if (sink.offset() != end) co_return corrupt("get " + quoted(self->key) + ": it ends at " + std::to_string(sink.offset()));
    co_return Result<void>{};
  }
};

}  // namespace

Task<Result<void>> download_in_ranges(UnderStore* store, std::string key, Identity identity, Range range, TransferConfig config,
                                      RangeSink* sink, Call call) {
  RangesDownload state{store, std::move(key), std::move(identity), range, std::max<uint64_t>(config.part_bytes, 1), sink};
  const uint64_t count = (range.length + state.part_bytes - 1) / state.part_bytes;
  Steps::Step step = [&state](uint64_t index, Call range_call) { return RangesDownload::get(&state, index, range_call); };
  co_return co_await Steps::run(count, config.parallel, step, call);
}

}  // namespace forebay::ufs
