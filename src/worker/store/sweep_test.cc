// Every call that a store makes to its disk fails once, and every one is the last before the process or the machine dies.
#include <map>
#include <set>

#include "base/crc32c.h"
#include "os/faulty_file.h"
#include "worker/store/recovery.h"
#include "worker/store/store_fixture.h"

namespace forebay::worker {
namespace {

// What the store has acknowledged of one object.
struct Promised {
  std::string bytes;
  bool sealed = false, synced = false;
  bool removed = false;  // or about to be
};

// Leaves out the 256 listings of every start, of which one stands for all (RestartTest).
class CallsButLists final : public os::SeamWatch {
 public:
  explicit CallsButLists(os::SeamSweep& sweep) : sweep_(sweep) {}
  os::SeamFate before(const os::SeamCall& call) override {
    return call.name == "file.list" ? os::SeamFate{} : sweep_.before(call);
  }

 private:
  os::SeamSweep& sweep_;
};

class SweepTest : public StoreFixture {
 public:
  SweepTest() { config.stage_room_bytes = kMiB; }
  ~SweepTest() override { close(); }

  os::FileSystem& seen(os::FileSystem& real) override {
    if (!watch) return real;
    faulty = std::make_unique<os::FaultyFileSystem>(real, *watch);
    return *faulty;
  }

  // A life of a few objects; stops at the first step that fails and returns its error.
  Result<void> live() {
    TRY(put(ObjectId{0x101}, pattern(1, 10'000), 0, 64 * kKiB));
    TRY(put(ObjectId{0x101}, pattern(1, kMiB, 10'000), 10'000, 0));  // beyond the reservation
    TRY(seal(ObjectId{0x101}, true));
    TRY(put(ObjectId{0x202}, pattern(2, 5000), 0, 8192));
    TRY(seal(ObjectId{0x202}, false));
    TRY(put(ObjectId{0x303}, pattern(3, 7000), 0, 8192));
    TRY(store->sync(ObjectId{0x303}, 7000));
    promised[ObjectId{0x303}].synced = true;
    promised[ObjectId{0x202}].removed = true;
    TRY(store->remove(ObjectId{0x202}));
    promised.erase(ObjectId{0x202});
    TRY(store->reserve(ObjectId{0x303}, 2 * kMiB));
    ASSIGN_OR_RETURN(OpenedObject opened, store->open_object(ObjectId{0x404}, true, 4096));
    promised[ObjectId{0x404}] = {};
    TRY(opened.file->write_at(as_bytes("direct"), kDataOffset));
    promised[ObjectId{0x404}].bytes = "direct";
    TRY(stage(ObjectId{0x505}));
    TRY(seal(ObjectId{0x505}, true));
    TRY(fork(ObjectId{0x606}, ObjectId{0x505}));
    TRY(seal(ObjectId{0x606}, false));
    store->housekeeping();
    ASSIGN_OR_RETURN(OpenedObject reader, store->open_object(ObjectId{0x101}, false, 0));
    return {};
  }

  Result<void> put(ObjectId object, const std::string& text, uint64_t offset, uint64_t create) {
    TRY(store->write(object, as_bytes(text), offset, create));
    std::string& bytes = promised[object].bytes;
    bytes.resize(std::max<size_t>(bytes.size(), offset + text.size()));
    bytes.replace(offset, text.size(), text);
    return {};
  }
  // As a client writes one: through a descriptor of its own, which it closes.
  Result<void> stage(ObjectId object) {
    ASSIGN_OR_RETURN(OpenedObject opened, store->open_object(object, true, 4096, true));
    promised[object] = {};
    TRY(opened.file->write_at(as_bytes(pattern(5, 9000)), 0));
    promised[object].bytes = pattern(5, 9000);
    return {};
  }
  Result<void> fork(ObjectId object, ObjectId from) {
    ASSIGN_OR_RETURN(OpenedObject opened, store->fork_object(object, from));
    TRY(opened.file->write_at(as_bytes("changed"), 0));
    promised[object].bytes = "changed" + promised[from].bytes.substr(7);
    return {};
  }
  Result<void> seal(ObjectId object, bool sync) {
    Promised& promise = promised[object];
    ASSIGN_OR_RETURN(Seal seal, store->seal(object, promise.bytes.size(), sync));
    EXPECT_EQ(seal.crc32c, crc32c(as_bytes(promise.bytes)));
    promise.sealed = true;
    promise.synced |= sync;
    return {};
  }

  Result<std::string> read_all(ObjectId object) {
    std::string all;
    for (;;) {
      ASSIGN_OR_RETURN(std::string part, try_read(object, all.size()));
      if (part.empty()) return all;
      all += part;
    }
  }

  // Every promise that `counts` is kept.
  void check_promises(bool after_power_cut) {
    for (const auto& [object, promise] : promised) {
      if (after_power_cut && !promise.synced) continue;
      Result<std::string> bytes = read_all(object);
      if (promise.removed && !bytes) continue;
      ASSERT_TRUE(bytes) << "object " << object.value << ": " << bytes.error().to_string();
      ASSERT_GE(bytes->size(), promise.bytes.size());
      expect_bytes(bytes->substr(0, promise.bytes.size()), promise.bytes);
      if (promise.sealed) {
        EXPECT_TRUE(store->stat(object)->sealed);
        EXPECT_EQ(store->stat(object)->crc32c, crc32c(as_bytes(promise.bytes)));
      }
    }
  }

  // What is charged is what lies there; and when all objects are removed, all space is back.
  void check_nothing_leaks() {
    std::set<std::string> on_disk, known;
    for (const std::string& file : disk.files())
      if (file.starts_with("/mem/objects/")) on_disk.insert(file.ends_with(".data") ? file.substr(0, file.size() - 5) : file);
    auto page = store->inventory(ObjectId{1}, 1000);
    ASSERT_TRUE(page);
    for (const ObjectStat& object : page->objects) known.insert(file_of(object.object));
    for (ObjectId object : store->damaged(1000)) known.insert(file_of(object));
    EXPECT_EQ(on_disk, known);
    for (const ObjectStat& object : page->objects) ASSERT_TRUE(store->remove(object.object));
    for (ObjectId object : store->damaged(1000)) ASSERT_TRUE(store->remove(object));
    EXPECT_EQ(used(), 0u);
    EXPECT_LT(disk.used_bytes(), 64 * kKiB);
  }

  void start_over() {
    watch = nullptr;
    close();
    promised.clear();
    files = std::make_unique<os::MemoryFileSystem>(disk);
    for (const std::string& file : disk.files()) ASSERT_TRUE(files->remove(file));
  }

  // With directories and identity already there, so that the sweep is about objects.
  void begin(uint64_t n, os::SeamFate fate) {
    open();
    close();
    sweep = std::make_unique<os::SeamSweep>(n, std::move(fate));
    calls = std::make_unique<CallsButLists>(*sweep);
    watch = calls.get();
  }

  os::SeamWatch* watch = nullptr;
  std::unique_ptr<os::SeamSweep> sweep;
  std::unique_ptr<CallsButLists> calls;
  std::unique_ptr<os::FaultyFileSystem> faulty;
  std::map<ObjectId, Promised> promised;
};

class CrashSweep : public SweepTest, public testing::WithParamInterface<std::tuple<bool, bool>> {};

TEST_P(CrashSweep, what_was_acknowledged_is_there_and_nothing_leaks) {
  const auto [cuts_power, done_first] = GetParam();
  for (uint64_t n = 1;; ++n) {
    os::SeamFate fate{.error = EIO, .done_bytes = done_first ? os::SeamFate::kAll : 0};
    fate.then = [this, cuts_power, n] {
      if (cuts_power)
        disk.power_cut(n);
      else
        files->crash();
    };
    begin(n, fate);
    Result<void> opened = try_open();
    Result<void> lived = opened ? live() : Result<void>{};
    watch = nullptr;
    const bool reached = sweep->was_reached();
    SCOPED_TRACE("call " + std::to_string(n) + ": " + sweep->at());
    if (!reached) {
      ASSERT_TRUE(lived) << lived.error().to_string();
      ASSERT_GT(n, 50u) << "the scenario makes more calls than this";
      return;
    }
    store.reset();
    if (cuts_power) boot += "'";
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_NO_FATAL_FAILURE(check_promises(cuts_power));
    // What remains of an unfinished object can be sealed, or is damaged and says so; never half of each.
    ASSERT_NO_FATAL_FAILURE(check_nothing_leaks());
    ASSERT_NO_FATAL_FAILURE(start_over());
  }
}

INSTANTIATE_TEST_SUITE_P(, CrashSweep, testing::Combine(testing::Bool(), testing::Bool()), [](const auto& info) {
  return std::string(std::get<0>(info.param) ? "power_cut" : "kill") + (std::get<1>(info.param) ? "_after" : "_instead_of");
});

class FailureSweep : public SweepTest, public testing::WithParamInterface<std::tuple<int, bool>> {};

TEST_P(FailureSweep, the_caller_is_told_and_what_was_acknowledged_stays) {
  const auto [error, done_first] = GetParam();
  for (uint64_t n = 1;; ++n) {
    begin(n, {.error = error, .done_bytes = done_first ? os::SeamFate::kAll : 0, .lie = false, .flip_bit = -1, .then = {}});
    Result<void> opened = try_open();
    Result<void> lived = opened ? live() : Result<void>{};
    watch = nullptr;
    SCOPED_TRACE("call " + std::to_string(n) + ": " + sweep->at());
    if (!opened) {
      EXPECT_TRUE(opened.error().is(Code::kInvalid) || opened.error().is(Code::kBroken) || opened.error().is(Code::kRejected))
          << opened.error().to_string();
    } else if (!lived) {
      // `busy` and the like would be repeated here; these are for another worker or another copy.
      EXPECT_TRUE(lived.error().is(Code::kElsewhere) || lived.error().is(Code::kCorrupt) || lived.error().is(Code::kRejected))
          << lived.error().to_string();
    }
    if (!sweep->was_reached()) {
      ASSERT_TRUE(lived) << lived.error().to_string();
      return;
    }
    if (opened && store->damaged(10).empty()) ASSERT_NO_FATAL_FAILURE(check_promises(false));
    close();
    ASSERT_NO_FATAL_FAILURE(open());
    ASSERT_NO_FATAL_FAILURE(check_promises(false));
    ASSERT_NO_FATAL_FAILURE(check_nothing_leaks());
    ASSERT_NO_FATAL_FAILURE(start_over());
  }
}

INSTANTIATE_TEST_SUITE_P(, FailureSweep, testing::Combine(testing::Values(EIO, ENOSPC), testing::Bool()), [](const auto& info) {
  return std::string(std::get<0>(info.param) == EIO ? "EIO" : "ENOSPC") + (std::get<1>(info.param) ? "_after" : "_instead_of");
});

}  // namespace
}  // namespace forebay::worker
