// Throughput of an under store, to be set beside rclone's or cp's on the same files.
//
//     under_store_bench URI large MIB PARALLEL [option=value …]     one object in parts of 8 MiB, up and down again
//     under_store_bench URI small COUNT PARALLEL [option=value …]   objects of 4 KiB
#include <algorithm>
#include <chrono>
#include <iostream>
#include <mutex>
#include <string>

#include "async/loop.h"
#include "async/sync.h"
#include "ufs/open.h"
#include "ufs/transfer.h"

namespace forebay::ufs {
namespace {

// Takes bytes and forgets them.
class Nowhere final : public RangeSink {
 public:
  Task<Result<void>> write(uint64_t, Bytes) override { co_return Result<void>{}; }
};

Stamp stamp(uint64_t length) { return {.cluster = "bench", .inode = InodeId{1}, .version = Version{1}, .length = length}; }

class Rate {
 public:
  void print(const char* what, double amount, const char* unit) const {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
    std::cout << what << ' ' << amount / seconds << ' ' << unit << "/s\n";
  }

 private:
  const std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
};

Task<Result<void>> large(UnderStore* store, uint64_t bytes, size_t parallel) {
  std::string content(bytes, '\0');
  for (size_t i = 0; i < content.size(); ++i) content[i] = static_cast<char>(i * 2654435761u >> 13);
  TextSource source(content);
  const UploadPlan plan{.request = {"bench-large", stamp(bytes), "bench"}, .config = {.parallel = parallel}};
  const Rate up;
  CO_ASSIGN_OR_RETURN(Identity identity, co_await upload_in_parts(store, plan, &source, {}));
  up.print("upload", static_cast<double>(bytes) / 1e6, "MB");
  Nowhere nowhere;
  const Rate down;
  CO_TRY(co_await download_in_ranges(store, "bench-large", identity, {0, bytes}, {.parallel = parallel}, &nowhere, {}));
  down.print("download", static_cast<double>(bytes) / 1e6, "MB");
  co_return co_await store->remove("bench-large", Condition::none(), {});
}

struct SmallFiles {
  UnderStore* store;
  size_t count, next = 0, running = 0;  // on a loop of one thread
  std::optional<Status> error;
  async::Event ended;

  static Task<void> work(SmallFiles* all) {
    const std::string content(4096, 'x');
    while (all->next < all->count && !all->error) {
      const size_t number = all->next++;
      TextSource source(content);
      const PutRequest request{"bench-small/" + std::to_string(number), stamp(content.size()), Condition::absent(),
                               "bench-" + std::to_string(number)};
      Result<Identity> stored = co_await all->store->put(request, &source, {});
      if (!stored) all->error = stored.error();
    }
    if (--all->running == 0) all->ended.set();
  }
};

Task<Result<void>> small(UnderStore* store, size_t count, size_t parallel) {
  SmallFiles all{.store = store, .count = count, .running = parallel};
  const async::Executor executor = co_await async::current_executor();
  const Rate rate;
  for (size_t i = 0; i < parallel; ++i) async::spawn_detached(executor, SmallFiles::work(&all));
  co_await all.ended.wait();
  if (all.error) co_return std::unexpected(*all.error);
  rate.print("put", static_cast<double>(count), "objects");
  co_return Result<void>{};
}

int run(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: " << argv[0] << " URI large|small AMOUNT PARALLEL [option=value …]\n";
    return 2;
  }
  StoreOptions options;
  for (int i = 5; i < argc; ++i) {
    const std::string option = argv[i];
    options[option.substr(0, option.find('='))] = option.substr(option.find('=') + 1);
  }
  async::Loop loop("bench"), blocking("blocking", 4);
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), "bench"};
  auto store = open_under_store(argv[1], options, env, obs::null_log());
  Result<void> done;
  if (!store) {
    done = std::unexpected(store.error());
  } else {
    const uint64_t amount = std::stoull(argv[3]), parallel = std::stoull(argv[4]);
    const bool is_large = std::string(argv[2]) == "large";
    done = async::block_on(loop.executor(),
                           is_large ? large(store->get(), amount * kMiB, parallel) : small(store->get(), amount, parallel));
  }
  if (!done) std::cerr << done.error().to_string() << '\n';
  loop.stop();
  blocking.stop();
  return done ? 0 : 1;
}

}  // namespace
}  // namespace forebay::ufs

int main(int argc, char** argv) { return forebay::ufs::run(argc, argv); }
