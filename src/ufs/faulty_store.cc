#include "ufs/faulty_store.h"

#include <algorithm>
#include <utility>

namespace forebay::ufs {
namespace {

// Content that belongs to whoever may send it again.
class OwnedText final : public BodySource {
 public:
  explicit OwnedText(std::string text) : text_(std::move(text)), source_(text_) {}
  uint64_t length() const override { return text_.size(); }
  Task<Result<void>> read(uint64_t offset, MutableBytes into) override { return source_.read(offset, into); }

 private:
  const std::string text_;
  TextSource source_;
};

// Takes the first bytes and says then that the rest is missing.
class CutSink final : public BodySink {
 public:
  CutSink(BodySink* sink, uint64_t most) : sink_(sink), left_(most) {}
  Task<Result<void>> write(Bytes data) override {
    const uint64_t taken = std::min<uint64_t>(left_, data.size());
    left_ -= taken;
    if (taken > 0) CO_TRY(co_await sink_->write(data.first(taken)));
    if (left_ == 0) co_return corrupt("the connection was closed in the middle of the body");
    co_return Result<void>{};
  }

 private:
  BodySink* const sink_;
  uint64_t left_;
};

constexpr uint64_t kMostBody = kGiB;  // tests send less

}  // namespace

StoreFault SeededFaults::next(const StoreRequest&) {
  uint64_t drawn = random_.below(1000);
  const Duration delay(static_cast<int64_t>(random_.below(static_cast<uint64_t>(rates_.most_delay.count()) + 1)));
  const std::pair<uint64_t, StoreFaultKind> kinds[] = {
      {rates_.conflict, StoreFaultKind::kConflict},   {rates_.busy, StoreFaultKind::kBusy},
      {rates_.slow, StoreFaultKind::kSlow},           {rates_.hang, StoreFaultKind::kHang},
      {rates_.late, StoreFaultKind::kLate},           {rates_.lost_reply, StoreFaultKind::kLostReply},
      {rates_.duplicate, StoreFaultKind::kDuplicate}, {rates_.truncated, StoreFaultKind::kTruncated}};
  for (const auto& [rate, kind] : kinds) {
    if (drawn < rate) return {kind, delay};
    drawn -= rate;
  }
  return {};
}

StoreFault ScriptedFaults::next(const StoreRequest& request) {
  for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
    const bool fits = (rule->operation.empty() || rule->operation == request.operation) && request.key.starts_with(rule->key);
    if (!fits) continue;
    if (rule->passes-- > 0) return {};
    const StoreFault fault = rule->fault;
    rules_.erase(rule);
    return fault;
  }
  return {};
}

template <class T>
Task<void> FaultyStore::arrive_late(FaultyStore* self, Make<T> make, Duration delay) {
  const bool slept = co_await self->clock_.sleep_until(self->clock_.now() + delay, self->late_.token());
  if (!slept) co_return;
  Task<Result<T>> task = make({.stop = self->late_.token()});
  (void)co_await std::move(task);
}

template <class T>
Task<Result<T>> FaultyStore::act(StoreRequest request, std::string doing, Make<T> make, Call call) {
  const StoreFault fault = faults_.next(request);
  return act_with<T>(fault, request.writes, std::move(doing), std::move(make), std::move(call));
}

template <class T>
Task<Result<T>> FaultyStore::act_with(StoreFault fault, bool writes, std::string doing, Make<T> make, Call call) {
  if (call.stop.stop_requested()) co_return cancelled(doing);
  switch (fault.kind) {
    case StoreFaultKind::kNone: break;
    case StoreFaultKind::kConflict: co_return conflict(doing + ": 409 (injected)");
    case StoreFaultKind::kBusy: co_return busy(doing + ": 503 SlowDown (injected)");
    case StoreFaultKind::kSlow: {
      const os::Instant until = std::min(clock_.now() + fault.delay, call.deadline);
      const bool slept = co_await clock_.sleep_until(until, call.stop);
      if (!slept) co_return cancelled(doing);
      break;
    }
    case StoreFaultKind::kHang: {
      const os::Instant until = std::min(call.deadline, clock_.now() + std::chrono::hours(24));
      const bool slept = co_await clock_.sleep_until(until, call.stop);
      if (!slept) co_return cancelled(doing);
      if (writes) co_return unknown_outcome(doing + ": no answer (injected)");
      co_return busy(doing + ": no answer (injected)");
    }
    case StoreFaultKind::kLate:
      if (!writes) co_return busy(doing + ": no answer (injected)");
      late_.spawn(arrive_late<T>(this, make, fault.delay));
      co_return unknown_outcome(doing + ": no answer yet (injected)");
    case StoreFaultKind::kTruncated:
      if (writes) co_return busy(doing + ": the connection was lost in the middle of the body (injected)");
      co_return busy(doing + ": the answer was cut off (injected)");
    case StoreFaultKind::kLostReply: {
      Task<Result<T>> task = make(call);
      Result<T> done = co_await std::move(task);
      if (writes) co_return unknown_outcome(doing + ": the answer was lost (injected)");
      co_return busy(doing + ": the answer was lost (injected)");
    }
    case StoreFaultKind::kDuplicate: break;
  }
  Task<Result<T>> task = make(call);
  Result<T> done = co_await std::move(task);
  if (fault.kind != StoreFaultKind::kDuplicate || !writes) co_return done;
  if (fault.delay != Duration{}) {
    late_.spawn(arrive_late<T>(this, make, fault.delay));
    co_return done;
  }
  Task<Result<T>> again = make(call);
  (void)co_await std::move(again);
  co_return done;
}

Task<Result<Capabilities>> FaultyStore::probe(Call call) {
  Make<Capabilities> make = [this](Call c) { return inner_.probe(c); };
  return act<Capabilities>({"probe", "", false}, "probe", std::move(make), std::move(call));
}

Task<Result<ObjectStat>> FaultyStore::head(std::string key, Call call) {
  Make<ObjectStat> make = [this, key](Call c) { return inner_.head(key, c); };
  return act<ObjectStat>({"head", key, false}, "head " + quoted(key), std::move(make), std::move(call));
}

Task<Result<Place>> FaultyStore::look(std::string path, Call call) {
  Make<Place> make = [this, path](Call c) { return inner_.look(path, c); };
  return act<Place>({"look", path, false}, "look at " + quoted(path), std::move(make), std::move(call));
}

Task<Result<ObjectStat>> FaultyStore::get(std::string key, Range range, Condition condition, BodySink* sink, Call call) {
  StoreFault fault = faults_.next({"get", key, false});
  const std::string doing = "get " + quoted(key);
  if (fault.kind == StoreFaultKind::kTruncated) {
    CO_ASSIGN_OR_RETURN(ObjectStat stat, co_await inner_.head(key, call));
    const uint64_t wanted = std::min(range.length, stat.length - std::min(stat.length, range.offset));
    CutSink cut(sink, wanted / 2);
    CO_ASSIGN_OR_RETURN(ObjectStat got, co_await inner_.get(key, range, condition, &cut, call));
    co_return got;  // too short to be cut
  }
  // Bytes that were delivered cannot be taken back: an answer can only be lost as a whole.
  if (fault.kind == StoreFaultKind::kLostReply) fault.kind = StoreFaultKind::kBusy;
  Make<ObjectStat> make = [this, key, range, condition, sink](Call c) { return inner_.get(key, range, condition, sink, c); };
  co_return co_await act_with<ObjectStat>(fault, false, doing, std::move(make), std::move(call));
}

Task<Result<ListPage>> FaultyStore::list(ListRequest request, Call call) {
  Make<ListPage> make = [this, request](Call c) { return inner_.list(request, c); };
  return act<ListPage>({"list", request.prefix, false}, "list " + quoted(request.prefix), std::move(make), std::move(call));
}

Task<Result<Identity>> FaultyStore::put(PutRequest request, BodySource* body, Call call) {
  CO_ASSIGN_OR_RETURN(std::string text, co_await read_all(body, kMostBody));
  auto owned = std::make_shared<OwnedText>(std::move(text));
  Make<Identity> make = [this, request, owned](Call c) { return inner_.put(request, owned.get(), c); };
  co_return co_await act<Identity>({"put", request.key, true}, "put " + quoted(request.key), std::move(make), std::move(call));
}

Task<Result<Upload>> FaultyStore::create_upload(UploadRequest request, Call call) {
  Make<Upload> make = [this, request](Call c) { return inner_.create_upload(request, c); };
  return act<Upload>({"create_upload", request.key, true}, "begin an upload of " + quoted(request.key), std::move(make),
                     std::move(call));
}

Task<Result<Part>> FaultyStore::put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) {
  CO_ASSIGN_OR_RETURN(std::string text, co_await read_all(body, kMostBody));
  auto owned = std::make_shared<OwnedText>(std::move(text));
  Make<Part> make = [this, upload, number, offset, owned](Call c) {
    return inner_.put_part(upload, number, offset, owned.get(), c);
  };
  co_return co_await act<Part>({"put_part", upload.key, true}, "put a part of " + quoted(upload.key), std::move(make),
                               std::move(call));
}

Task<Result<std::vector<Part>>> FaultyStore::list_parts(Upload upload, Call call) {
  Make<std::vector<Part>> make = [this, upload](Call c) { return inner_.list_parts(upload, c); };
  return act<std::vector<Part>>({"list_parts", upload.key, false}, "list parts of " + quoted(upload.key), std::move(make),
                                std::move(call));
}

Task<Result<Identity>> FaultyStore::complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) {
  Make<Identity> make = [this, upload, parts, condition](Call c) { return inner_.complete_upload(upload, parts, condition, c); };
  return act<Identity>({"complete_upload", upload.key, true}, "complete the upload of " + quoted(upload.key), std::move(make),
                       std::move(call));
}

Task<Result<void>> FaultyStore::abort_upload(Upload upload, Call call) {
  Make<void> make = [this, upload](Call c) { return inner_.abort_upload(upload, c); };
  return act<void>({"abort_upload", upload.key, true}, "abort the upload of " + quoted(upload.key), std::move(make),
                   std::move(call));
}

Task<Result<UploadsPage>> FaultyStore::list_uploads(std::string prefix, std::string cursor, Call call) {
  Make<UploadsPage> make = [this, prefix, cursor](Call c) { return inner_.list_uploads(prefix, cursor, c); };
  return act<UploadsPage>({"list_uploads", prefix, false}, "list uploads", std::move(make), std::move(call));
}

Task<Result<Identity>> FaultyStore::copy(CopyRequest request, Call call) {
  Make<Identity> make = [this, request](Call c) { return inner_.copy(request, c); };
  return act<Identity>({"copy", request.to, true}, "copy to " + quoted(request.to), std::move(make), std::move(call));
}

Task<Result<void>> FaultyStore::remove(std::string key, Condition condition, Call call) {
  Make<void> make = [this, key, condition](Call c) { return inner_.remove(key, condition, c); };
  return act<void>({"remove", key, true}, "remove " + quoted(key), std::move(make), std::move(call));
}

Task<Result<void>> FaultyStore::rename(std::string from, Condition source, std::string to, Condition target, Call call) {
  Make<void> make = [this, from, source, to, target](Call c) { return inner_.rename(from, source, to, target, c); };
  return act<void>({"rename", to, true}, "rename to " + quoted(to), std::move(make), std::move(call));
}

Task<Result<void>> FaultyStore::rename_directory(std::string from, std::string to, Call call) {
  Make<void> make = [this, from, to](Call c) { return inner_.rename_directory(from, to, c); };
  return act<void>({"rename_directory", to, true}, "rename to " + quoted(to), std::move(make), std::move(call));
}

Task<Result<void>> FaultyStore::make_directory(std::string path, Attributes attributes, Call call) {
  Make<void> make = [this, path, attributes](Call c) { return inner_.make_directory(path, attributes, c); };
  return act<void>({"make_directory", path, true}, "make directory " + quoted(path), std::move(make), std::move(call));
}

Task<Result<void>> FaultyStore::remove_directory(std::string path, Call call) {
  Make<void> make = [this, path](Call c) { return inner_.remove_directory(path, c); };
  return act<void>({"remove_directory", path, true}, "remove directory " + quoted(path), std::move(make), std::move(call));
}

Task<Result<Identity>> FaultyStore::set_attributes(std::string path, Attributes attributes, Call call) {
  Make<Identity> make = [this, path, attributes](Call c) { return inner_.set_attributes(path, attributes, c); };
  return act<Identity>({"set_attributes", path, true}, "set attributes of " + quoted(path), std::move(make), std::move(call));
}

}  // namespace forebay::ufs
