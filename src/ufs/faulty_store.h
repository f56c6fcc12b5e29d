// An under store that fails when told to.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/sync.h"
#include "os/clock.h"
#include "os/sim_random.h"
#include "ufs/under_store.h"

namespace forebay::ufs {

enum class StoreFaultKind : uint8_t {
  kNone,
  kConflict,   // 409 or 412 out of nowhere; not done
  kBusy,       // 503; not done
  kSlow,       // done after `delay`
  kHang,       // no answer until the deadline or the token; not done
  kLostReply,  // done; the caller hears that it does not know (a read: `busy`)
  kLate,       // the caller hears that it does not know, and `delay` later it is done all the same (a read: kBusy)
  kDuplicate,  // done, and `delay` later once more; without a delay before the answer is given (a read: kNone)
  kTruncated,  // half of the body arrives: a get is `corrupt`, all else `busy` and not done
};
struct StoreFault {
  StoreFaultKind kind = StoreFaultKind::kNone;
  Duration delay{0};
};
struct StoreRequest {
  std::string_view operation;  // "put", "complete_upload", … as the functions of UnderStore
  std::string key;
  bool writes;
};

// Asked once for every call, on the thread that makes it.
class StoreFaults {
 public:
  virtual ~StoreFaults() = default;
  virtual StoreFault next(const StoreRequest& request) = 0;
};

// From a seed: each kind with so many chances in a thousand.
class SeededFaults final : public StoreFaults {
 public:
  struct Rates {
    uint64_t conflict = 0, busy = 0, slow = 0, hang = 0, lost_reply = 0, late = 0, duplicate = 0, truncated = 0;
    Duration most_delay = std::chrono::seconds(30);
  };
  SeededFaults(uint64_t seed, Rates rates) : random_(seed), rates_(rates) {}
  StoreFault next(const StoreRequest& request) override;

 private:
  os::SimRandom random_;
  const Rates rates_;
};

// The first rule that fits a request, and has not been used, is used for it.
class ScriptedFaults final : public StoreFaults {
 public:
  struct Rule {
    std::string operation;  // "" is any
    std::string key;        // a prefix
    StoreFault fault;
    int passes = 0;  // fitting requests that are let through before
  };
  explicit ScriptedFaults(std::vector<Rule> rules) : rules_(std::move(rules)) {}
  StoreFault next(const StoreRequest& request) override;
  bool is_used_up() const { return rules_.empty(); }

 private:
  std::vector<Rule> rules_;
};

// Hands every call to `inner` as its fault says. What arrives late is a task of `executor`, until stop(), which has to come
// before the destructor. Bodies are held in memory, for as long as they may arrive again. `inner`, `clock` and `faults` outlive
// it. One thread.
class FaultyStore final : public UnderStore {
 public:
  FaultyStore(UnderStore& inner, os::Clock& clock, async::Executor executor, StoreFaults& faults)
      : inner_(inner), clock_(clock), faults_(faults), late_(std::move(executor)) {}
  Task<void> stop() { return late_.stop(); }

  const std::string& uri() const override { return inner_.uri(); }
  const Limits& limits() const override { return inner_.limits(); }
  Capabilities capabilities() const override { return inner_.capabilities(); }
  Task<Result<Capabilities>> probe(Call call) override;
  Task<Result<ObjectStat>> head(std::string key, Call call) override;
  Task<Result<Place>> look(std::string path, Call call) override;
  Task<Result<ObjectStat>> get(std::string key, Range range, Condition condition, BodySink* sink, Call call) override;
  Task<Result<ListPage>> list(ListRequest request, Call call) override;
  Task<Result<Identity>> put(PutRequest request, BodySource* body, Call call) override;
  Task<Result<Upload>> create_upload(UploadRequest request, Call call) override;
  Task<Result<Part>> put_part(Upload upload, uint32_t number, uint64_t offset, BodySource* body, Call call) override;
  Task<Result<std::vector<Part>>> list_parts(Upload upload, Call call) override;
  Task<Result<Identity>> complete_upload(Upload upload, std::vector<Part> parts, Condition condition, Call call) override;
  Task<Result<void>> abort_upload(Upload upload, Call call) override;
  Task<Result<UploadsPage>> list_uploads(std::string prefix, std::string cursor, Call call) override;
  Task<Result<Identity>> copy(CopyRequest request, Call call) override;
  Task<Result<void>> remove(std::string key, Condition condition, Call call) override;
  Task<Result<void>> rename(std::string from, Condition source, std::string to, Condition target, Call call) override;
  Task<Result<void>> rename_directory(std::string from, std::string to, Call call) override;
  Task<Result<void>> make_directory(std::string path, Attributes attributes, Call call) override;
  Task<Result<void>> remove_directory(std::string path, Call call) override;
  Task<Result<Identity>> set_attributes(std::string path, Attributes attributes, Call call) override;

 private:
  // Makes the call at `inner`, as often as it is called; owns all that it needs.
  template <class T>
  using Make = std::function<Task<Result<T>>(Call)>;

  template <class T>
  Task<Result<T>> act(StoreRequest request, std::string doing, Make<T> make, Call call);
  template <class T>
  Task<Result<T>> act_with(StoreFault fault, bool writes, std::string doing, Make<T> make, Call call);
  template <class T>
  static Task<void> arrive_late(FaultyStore* self, Make<T> make, Duration delay);

  UnderStore& inner_;
  os::Clock& clock_;
  StoreFaults& faults_;
  async::Scope late_;
};

}  // namespace forebay::ufs
