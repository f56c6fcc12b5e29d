#include "worker/pagestore/page_store.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace forebay::worker {
namespace {

constexpr size_t kMostReaders = 4'096;  // whose last page is remembered
constexpr uint64_t kNearby = 64;        // pages: a jump forward of at most so many is going on, past what others serve
constexpr unsigned kDirectoryParts = 256;

class NoEvents final : public PageEvents {};

}  // namespace

PageEvents& no_page_events() {
  static NoEvents events;
  return events;
}

PageStore::PageStore(os::Env& env, PageStoreConfig config, async::Executor executor, obs::Log& log, PageEvents& events)
    : env_(env), config_(std::move(config)), log_(log), events_(events), scope_(std::move(executor)), slots_(config_.fetching) {
  for (const PageStoreConfig::Directory& directory : config_.directories)
    disks_.emplace_back(std::make_unique<PageDirectory>(env_.files, directory.path, directory.bytes));
  // Until it has been opened.
  for (Disk& disk : disks_) disk.failing_until = os::Instant::max();
}

Task<void> PageStore::stop() {
  stopping_ = true;
  co_await scope_.stop();
}

size_t PageStore::pages_on_disk() const {
  size_t pages = 0;
  for (const Disk& disk : disks_) pages += disk.directory->pages();
  return pages;
}

// ---- names ----

PageName PageStore::name_of(const PagedObject& object, uint64_t number) const {
  return {object.store_name, object.key, object.identity.text, config_.page_bytes, number};
}

uint64_t PageStore::bytes_of(const PagedObject& object, uint64_t number) const {
  const uint64_t begin = number * config_.page_bytes;
  return begin >= object.length ? 0 : std::min(config_.page_bytes, object.length - begin);
}

// Two pages one after the other, whoever asked: several readers of one object are seen as one, which costs a fetch at most.
bool PageStore::goes_on(const PagedObject& object, uint64_t number) {
  if (readers_.size() >= kMostReaders) readers_.clear();
  const uint64_t name = hash64(object.key, hash64(object.identity.text, hash64(object.store_name)));
  auto [found, is_new] = readers_.try_emplace(name, Reader{number, false});
  Reader& reader = found->second;
  if (is_new || number == reader.last) return reader.goes_on;  // the same page in pieces
  reader.goes_on = number > reader.last && number - reader.last <= kNearby;
  reader.last = number;
  return reader.goes_on;
}

// ---- where pages are ----

PageStore::Disk* PageStore::disk_of(Hash128 id) { return disks_.empty() ? nullptr : &disks_[id.high % disks_.size()]; }

PageBytes PageStore::remembered(Hash128 id) {
  auto found = in_memory_.find(id);
  if (found == in_memory_.end()) return nullptr;
  memory_.splice(memory_.begin(), memory_, found->second);
  return found->second->bytes;
}

void PageStore::remember(Hash128 id, PageBytes bytes) {
  if (bytes->size() > config_.memory_bytes || in_memory_.contains(id)) return;
  memory_used_ += bytes->size();
  memory_.push_front({id, std::move(bytes)});
  in_memory_[id] = memory_.begin();
  while (memory_used_ > config_.memory_bytes) {
    memory_used_ -= memory_.back().bytes->size();
    in_memory_.erase(memory_.back().id);
    memory_.pop_back();
  }
}

bool PageStore::is_here(Hash128 id) {
  if (pending_.contains(id) || in_memory_.contains(id)) return true;
  Disk* disk = disk_of(id);
  return disk != nullptr && disk->directory->has(id);
}

Task<Result<PageBytes>> PageStore::from_disk(PageName name, Disk* disk) {
  PageDirectory* directory = disk->directory.get();
  auto read = [directory, name] { return directory->read(name); };
  Result<PageBytes> bytes = co_await async::run_blocking(env_.blocking, read);
  if (bytes) co_return bytes;
  directory->release(name.id());
  if (bytes.error().is(Code::kCorrupt)) {
    events_.page_damaged();
    log_.warning("a page did not match its checksum and is fetched again",
                 {{"directory", directory->path()}, {"key", name.key}, {"error", bytes.error().message()}});
    auto remove = [directory, name] {
      directory->remove(name.id());
      return true;
    };
    co_await async::run_blocking(env_.blocking, remove);
  } else if (!bytes.error().is_errno(ENOENT)) {
    disk_failed(*disk, bytes.error());
  }
  co_return bytes;
}

// ---- reading ----

Task<Result<PageBytes>> PageStore::page(PagedObject object, uint64_t number, uint64_t limit) {
  const uint64_t wanted = bytes_of(object, number);
  if (wanted == 0) co_return std::make_shared<const std::vector<std::byte>>();
  const Hash128 id = name_of(object, number).id();
  const bool sequential = goes_on(object, number);
  if (PageBytes bytes = remembered(id)) {
    events_.page_hit(bytes->size());
    if (sequential) read_ahead(object, number, limit);
    co_return bytes;
  }
  if (stopping_) co_return cancelled("the page store stops");
  if (waiting_ >= config_.waiting) co_return busy("too many readers wait for under stores");
  ++waiting_;
  auto known = pending_.find(id);
  PendingPage pending = known == pending_.end() ? std::make_shared<Pending>() : known->second;
  Result<PageBytes> result = PageBytes{};
  if (known != pending_.end()) {
    co_await pending->done.wait();
    result = pending->result;
  } else {
    pending_[id] = pending;
    Task<Result<PageBytes>> bringing = bring(object, number, limit, sequential, pending);
    result = co_await std::move(bringing);
  }
  --waiting_;
  if (result && sequential) read_ahead(object, number, limit);
  co_return result;
}

// By the reader who made it pending.
Task<Result<PageBytes>> PageStore::bring(PagedObject object, uint64_t number, uint64_t limit, bool sequential,
                                         PendingPage pending) {
  const PageName name = name_of(object, number);
  const Hash128 id = name.id();
  Disk* disk = disk_of(id);
  if (disk != nullptr && disk->directory->has(id)) {
    Task<Result<PageBytes>> reading = from_disk(name, disk);
    Result<PageBytes> bytes = co_await std::move(reading);
    if (bytes && (*bytes)->size() == bytes_of(object, number)) {
      events_.page_hit((*bytes)->size());
      remember(id, *bytes);
      pending->result = bytes;
      pending_.erase(id);
      pending->done.set();
      co_return bytes;
    }
  }
  co_await slots_.acquire();
  auto run = std::make_shared<Run>(Run{std::move(object), number, {pending}, false});
  const PagedObject& wanted = run->object;
  if (!scope_.spawn(fetch(this, run))) failed(*run, cancelled("the page store stops").error());
  if (sequential) read_ahead(wanted, number, limit);
  co_await pending->done.wait();
  co_return pending->result;
}

// Further pages behind the run's last, as far as there are slots for them.
void PageStore::extend(Run& run, uint64_t limit) {
  while (run.pages.size() < config_.ahead) {
    const uint64_t next = run.first + run.pages.size();
    if (next >= limit || bytes_of(run.object, next) == 0) return;
    const Hash128 id = name_of(run.object, next).id();
    if (is_here(id) || !slots_.try_acquire()) return;
    run.pages.push_back(std::make_shared<Pending>());
    pending_[id] = run.pages.back();
  }
}

// The reader has `number`: when less than half of what is kept ahead of it is there, the rest is fetched.
void PageStore::read_ahead(const PagedObject& object, uint64_t number, uint64_t limit) {
  for (uint64_t next = number + 1; next <= number + (config_.ahead + 1) / 2; ++next) {
    if (is_here(name_of(object, next).id())) continue;
    expect(object, next, limit);
    return;
  }
}

void PageStore::expect(PagedObject object, uint64_t number, uint64_t limit) {
  if (stopping_ || number >= limit || bytes_of(object, number) == 0) return;
  const Hash128 id = name_of(object, number).id();
  if (is_here(id) || !slots_.try_acquire()) return;
  auto run = std::make_shared<Run>(Run{std::move(object), number, {std::make_shared<Pending>()}, true});
  pending_[id] = run->pages.front();
  extend(*run, limit);
  if (!scope_.spawn(fetch(this, run))) failed(*run, cancelled("the page store stops").error());
}

// ---- fetching ----

// Cuts what arrives into pages. Nobody sees one before the store has said that all of it was of one content: a file on a NAS may
// be written while it is read.
class PageStore::RunSink final : public ufs::BodySink {
 public:
  RunSink(PageStore* store, const Run* run) : store_(store), run_(run) {}
  Task<Result<void>> write(Bytes data) override {
    while (!data.empty()) {
      if (pages_.size() == run_->pages.size() && filled_ == pages_.back()->size())
        co_return corrupt("the store sent more than was asked for");
      if (pages_.empty() || filled_ == pages_.back()->size()) {
        const uint64_t whole = store_->bytes_of(run_->object, run_->first + pages_.size());
        pages_.push_back(std::make_shared<std::vector<std::byte>>(whole));
        filled_ = 0;
      }
      std::vector<std::byte>& page = *pages_.back();
      const size_t taken = std::min<uint64_t>(data.size(), page.size() - filled_);
      std::memcpy(page.data() + filled_, data.data(), taken);
      filled_ += taken;
      data = data.subspan(taken);
    }
    co_return Result<void>{};
  }
  bool is_whole() const { return pages_.size() == run_->pages.size() && filled_ == pages_.back()->size(); }
  PageBytes page(size_t index) const { return pages_[index]; }

 private:
  PageStore* const store_;
  const Run* const run_;
  std::vector<std::shared_ptr<std::vector<std::byte>>> pages_;  // handed over when they are whole
  uint64_t filled_ = 0;                                         // of the last
};

Task<void> PageStore::fetch(PageStore* self, std::shared_ptr<Run> run) {
  ufs::Range range{run->first * self->config_.page_bytes, 0};
  for (size_t i = 0; i < run->pages.size(); ++i) range.length += self->bytes_of(run->object, run->first + i);
  const ufs::Call call{.deadline = self->env_.clock.now() + self->config_.request_timeout, .stop = self->scope_.token()};
  RunSink sink(self, run.get());
  Task<Result<ufs::ObjectStat>> getting =
      run->object.store->get(run->object.key, range, ufs::Condition::is(run->object.identity), &sink, call);
  Result<ufs::ObjectStat> got = co_await std::move(getting);
  if (got && !sink.is_whole()) got = corrupt("the store sent less than the object has");
  if (got) {
    for (size_t i = 0; i < run->pages.size(); ++i) self->arrived(*run, i, sink.page(i));
    co_return;
  }
  self->events_.fetch_failed();
  self->failed(*run, got.error());
}

void PageStore::arrived(const Run& run, size_t index, PageBytes bytes) {
  const PageName name = name_of(run.object, run.first + index);
  events_.page_fetched(bytes->size(), run.ahead);
  remember(name.id(), bytes);
  run.pages[index]->result = bytes;
  pending_.erase(name.id());
  run.pages[index]->done.set();
  if (!scope_.spawn(keep(this, name, std::move(bytes)))) slots_.release();
}

void PageStore::failed(const Run& run, const Status& why) {
  for (size_t i = 0; i < run.pages.size(); ++i) {
    run.pages[i]->result = std::unexpected(why);
    pending_.erase(name_of(run.object, run.first + i).id());
    run.pages[i]->done.set();
    slots_.release();
  }
}

// ---- keeping ----

// Gives the page's slot back when it is on disk, or is not going to be.
Task<void> PageStore::keep(PageStore* self, PageName name, PageBytes bytes) {
  Disk* disk = self->disk_of(name.id());
  const bool may = disk != nullptr && self->env_.clock.now() >= disk->failing_until;
  std::optional<std::vector<Hash128>> victims;
  if (may) victims = disk->directory->reserve(name.id(), page_file_bytes(name, bytes->size()));
  if (victims) {
    PageDirectory* directory = disk->directory.get();
    if (!victims->empty()) self->events_.pages_dropped(victims->size());
    auto write = [directory, &name, &bytes, &victims] { return directory->write(name, *bytes, *victims); };
    const Result<void> written = co_await async::run_blocking(self->env_.blocking, write);
    if (written) {
      disk->told = false;
    } else {
      directory->release(name.id());
      self->disk_failed(*disk, written.error());
    }
    self->tell_space();
  }
  self->slots_.release();
}

void PageStore::disk_failed(Disk& disk, const Status& why) {
  disk.failing_until = env_.clock.now() + config_.failing_pause;
  events_.page_directory_failed();
  if (!std::exchange(disk.told, true))
    log_.warning("a directory of the page store fails and is left out for a moment; reads of under stores go on",
                 {{"directory", disk.directory->path()}, {"error", why.to_string()}});
}

void PageStore::tell_space() {
  uint64_t used = 0, quota = 0;
  for (const Disk& disk : disks_) used += disk.directory->used(), quota += disk.directory->quota();
  events_.page_space(used, quota, pages_on_disk());
}

Task<void> PageStore::open_directories(PageStore* self, std::stop_token stop) {
  for (Disk& disk : self->disks_) {
    PageDirectory* directory = disk.directory.get();
    auto prepare = [directory] { return directory->prepare(); };
    const Result<void> prepared = co_await async::run_blocking(self->env_.blocking, prepare);
    if (!prepared) {
      self->log_.error("a directory of the page store cannot be used; it is left out until the next start",
                       {{"directory", directory->path()}, {"error", prepared.error().to_string()}});
      continue;
    }
    for (unsigned part = 0; part < kDirectoryParts && !stop.stop_requested(); ++part) {
      std::vector<std::pair<Hash128, uint64_t>> found;
      auto scan = [directory, part, &found] {
        return directory->scan(part, [&](Hash128 id, uint64_t bytes) { found.emplace_back(id, bytes); });
      };
      const Result<void> scanned = co_await async::run_blocking(self->env_.blocking, scan);
      if (!scanned) self->disk_failed(disk, scanned.error());
      for (const auto& [id, bytes] : found) directory->found(id, bytes);
    }
    disk.failing_until = os::Instant{};
    // The quota may have become smaller.
    if (directory->used() > directory->quota()) {
      const std::vector<Hash128> victims = directory->shed(directory->used() - directory->quota());
      auto remove = [directory, &victims] {
        for (const Hash128& victim : victims) directory->remove(victim);
        return true;
      };
      co_await async::run_blocking(self->env_.blocking, remove);
    }
  }
  self->tell_space();
}

}  // namespace forebay::worker
