#include "worker/under/under_paths.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <set>
#include <utility>

namespace forebay::worker {
namespace {

constexpr size_t kMostName = 255;
constexpr uint32_t kMostEntries = 1'000;

// "mount /s3, 'a/b'": what the store says by itself may name neither.
Status named(Status status, const UnderMounts::Mounted& mounted, std::string_view key) {
  return std::move(status).with_context("mount " + mounted.path + ", " + ufs::quoted(key));
}

void add_attributes(v1::UnderEntry& entry, const ufs::Attributes& attributes) {
  if (attributes.mode) entry.set_mode(*attributes.mode & 0777);
  if (attributes.uid) entry.set_uid(*attributes.uid);
  if (attributes.gid) entry.set_gid(*attributes.gid);
}

// One page of a directory on its way from keys to names.
class Names {
 public:
  Names(v1::ListUnderReply& reply, std::string prefix, const ufs::Limits& limits)
      : reply_(reply), prefix_(std::move(prefix)), limits_(limits) {}

  void add(const ufs::ListEntry& listed) {
    std::string_view name = std::string_view(listed.key).substr(prefix_.size());
    if (listed.is_directory) name.remove_suffix(1);
    const bool is_hidden = !is_possible_name(name) || !ufs::check_key(prefix_ + std::string(name), limits_);
    // An object "a" and a directory "a/": the object is shown.
    if (is_hidden || (listed.is_directory && objects_.contains(name))) return reply_.set_hidden(reply_.hidden() + 1);
    if (!listed.is_directory) objects_.emplace(name);
    v1::UnderEntry& entry = *reply_.add_entries();
    entry.set_name(std::string(name));
    entry.set_is_directory(listed.is_directory);
    entry.set_length(listed.length);
    entry.set_mtime_ns(listed.is_directory ? listed.attributes.mtime_ns.value_or(0) : listed.mtime_ns);
    entry.set_identity(listed.identity.text);
    add_attributes(entry, listed.attributes);
  }
  // An object of an earlier page: it covers the directory of its name.
  void cover(std::string name) { objects_.insert(std::move(name)); }

 private:
  v1::ListUnderReply& reply_;
  const std::string prefix_;
  const ufs::Limits& limits_;
  std::set<std::string, std::less<>> objects_;
};

// Questions about entries, several at a time, on one executor.
struct Stamping {
  std::shared_ptr<ufs::UnderStore> store;
  std::string prefix;
  v1::ListUnderReply* reply;
  ufs::Call call;
  int next = 0;
  size_t running = 0;
  std::optional<Status> failure;
  async::Event finished;
};
constexpr size_t kStampsAtOnce = 16;

Task<void> stamp_some(std::shared_ptr<Stamping> stamping) {
  while (!stamping->failure && stamping->next < stamping->reply->entries_size()) {
    const int index = stamping->next++;
    if (stamping->reply->entries(index).is_directory()) continue;
    Task<Result<ufs::ObjectStat>> heading =
        stamping->store->head(stamping->prefix + stamping->reply->entries(index).name(), stamping->call);
    const Result<ufs::ObjectStat> stat = co_await std::move(heading);
    if (!stat && ufs::failure_of(stat.error()) != ufs::Failure::kNotFound) stamping->failure = stat.error();
    v1::UnderEntry& entry = *stamping->reply->mutable_entries(index);
    if (!stat) {
      entry.clear_identity();  // gone since it was listed
      continue;
    }
    entry.set_identity(stat->identity.text);
    entry.set_length(stat->length);
    entry.set_mtime_ns(stat->mtime_ns);
    if (stat->stamp) entry.set_stamp(stat->stamp->to_text());
  }
  if (--stamping->running == 0) stamping->finished.set();
}

// Names that sort before `after` as objects and behind it as directories: "a" and "a/" have "a-b" between them.
std::vector<std::string> covering(const ufs::ListPage& page, const std::string& prefix, const std::string& after) {
  std::vector<std::string> names;
  for (const ufs::ListEntry& entry : page.entries) {
    if (!entry.is_directory) continue;
    const std::string name = entry.key.substr(prefix.size(), entry.key.size() - prefix.size() - 1);
    if (name <= after && after < name + "/") names.push_back(name);
  }
  return names;
}

}  // namespace

bool is_possible_name(std::string_view name) {
  return !name.empty() && name.size() <= kMostName && name != "." && name != ".." &&
         name.find_first_of(std::string_view("/\0", 2)) == std::string_view::npos;
}

ufs::Call UnderPaths::call(std::stop_token stop) const { return {env_.clock.now() + request_timeout_, std::move(stop)}; }

Task<Result<v1::UnderEntry>> UnderPaths::stat(UnderPaths* self, v1::StatUnderRequest request, std::stop_token stop) {
  const ufs::Call call = self->call(std::move(stop));
  Task<Result<UnderMounts::Mounted>> finding = self->mounts_.get(request.mount(), call);
  CO_ASSIGN_OR_RETURN(const UnderMounts::Mounted mounted, co_await std::move(finding));
  Task<Result<ufs::Place>> looking = mounted.store->look(request.path(), call);
  Result<ufs::Place> place = co_await std::move(looking);
  if (!place) co_return std::unexpected(named(std::move(place).error(), mounted, request.path()));
  v1::UnderEntry entry;
  entry.set_is_directory(place->is_directory);
  entry.set_mtime_ns(place->object.mtime_ns);
  add_attributes(entry, place->attributes);
  if (place->is_directory) co_return entry;
  entry.set_length(place->object.length);
  entry.set_identity(place->object.identity.text);
  if (place->object.stamp) entry.set_stamp(place->object.stamp->to_text());
  co_return entry;
}

Task<Result<v1::ListUnderReply>> UnderPaths::list(UnderPaths* self, v1::ListUnderRequest request, std::stop_token stop) {
  const ufs::Call call = self->call(std::move(stop));
  Task<Result<UnderMounts::Mounted>> finding = self->mounts_.get(request.mount(), call);
  CO_ASSIGN_OR_RETURN(const UnderMounts::Mounted mounted, co_await std::move(finding));
  const std::string prefix = request.directory().empty() ? "" : request.directory() + "/";
  ufs::ListRequest wanted{.prefix = prefix, .by_directory = true, .start_after = "", .cursor = "", .most = kMostEntries};
  if (request.limit() != 0) wanted.most = std::min(request.limit(), kMostEntries);
  if (!request.after().empty()) wanted.start_after = prefix + request.after();
  v1::ListUnderReply reply;
  Names names(reply, prefix, mounted.store->limits());
  // Pages that only hold what is not shown are passed over, as long as the caller listens.
  for (;;) {
    Task<Result<ufs::ListPage>> listing = mounted.store->list(wanted, call);
    Result<ufs::ListPage> page = co_await std::move(listing);
    if (!page) co_return std::unexpected(named(std::move(page).error(), mounted, request.directory()));
    const std::string after = wanted.start_after.substr(std::min(wanted.start_after.size(), prefix.size()));
    if (!after.empty()) {
      for (std::string& name : covering(*page, prefix, after)) {
        if (!ufs::check_key(prefix + name, mounted.store->limits())) continue;
        Task<Result<ufs::ObjectStat>> heading = mounted.store->head(prefix + name, call);
        const Result<ufs::ObjectStat> head = co_await std::move(heading);
        if (head) names.cover(std::move(name));
      }
    }
    for (const ufs::ListEntry& entry : page->entries) names.add(entry);
    if (page->cursor.empty()) {
      if (request.stamps()) CO_TRY(co_await self->add_stamps(mounted, prefix, &reply, call));
      co_return reply;
    }
    if (page->entries.empty()) {
      wanted.start_after.clear();
      wanted.cursor = page->cursor;
      continue;
    }
    wanted.cursor.clear();
    wanted.start_after = page->entries.back().key;
    if (reply.entries().empty()) continue;
    reply.set_next(page->entries.back().key.substr(prefix.size()));
    if (request.stamps()) CO_TRY(co_await self->add_stamps(mounted, prefix, &reply, call));
    co_return reply;
  }
}

Task<Result<void>> UnderPaths::add_stamps(UnderMounts::Mounted mounted, std::string prefix, v1::ListUnderReply* reply,
                                          ufs::Call call) {
  auto stamping = std::make_shared<Stamping>();
  stamping->store = mounted.store;
  stamping->prefix = prefix;
  stamping->reply = reply;
  stamping->call = call;
  stamping->running = kStampsAtOnce;
  for (size_t i = 0; i < kStampsAtOnce; ++i) async::spawn_detached(executor_, stamp_some(stamping));
  co_await stamping->finished.wait();
  if (stamping->failure) co_return std::unexpected(named(*stamping->failure, mounted, prefix));
  co_return Result<void>{};
}

Task<Result<rpc::Payload>> UnderPaths::read(UnderPaths* self, v1::ReadUnderRequest request, std::stop_token stop) {
  if (request.length() > rpc::kMaxPayload) co_return invalid("a read of more than 1 MiB");
  if (request.identity().empty()) co_return invalid("a read without the identity of what is read");
  Task<Result<UnderMounts::Mounted>> finding = self->mounts_.get(request.mount(), self->call(std::move(stop)));
  CO_ASSIGN_OR_RETURN(const UnderMounts::Mounted mounted, co_await std::move(finding));
  const PagedObject object{mounted.store, mounted.name, request.key(), {request.identity()}, request.object_length()};
  const uint64_t page_bytes = self->pages_.page_bytes();
  const uint64_t begin = std::min(request.offset(), object.length);
  const uint64_t end = begin + std::min<uint64_t>(request.length(), object.length - begin);
  uint64_t limit = UINT64_MAX;
  if (request.stripe() != 0) limit = (begin / request.stripe() + 1) * request.stripe() / page_bytes;
  if (request.fetch_only()) {
    self->pages_.expect(object, begin / page_bytes, limit);
    co_return rpc::Payload();
  }
  rpc::Payload payload = rpc::Payload::allocate(end - begin);
  for (uint64_t at = begin; at < end;) {
    const uint64_t number = at / page_bytes, skip = at % page_bytes;
    Task<Result<PageBytes>> reading = self->pages_.page(object, number, limit);
    Result<PageBytes> page = co_await std::move(reading);
    if (!page) co_return std::unexpected(named(std::move(page).error(), mounted, request.key()));
    const uint64_t taken = std::min(end - at, (*page)->size() - std::min<uint64_t>(skip, (*page)->size()));
    if (taken == 0) co_return corrupt("mount " + mounted.path + ", " + ufs::quoted(request.key()) + ": a page is too short");
    std::memcpy(payload.writable().data() + (at - begin), (*page)->data() + skip, taken);
    at += taken;
  }
  co_return payload;
}

}  // namespace forebay::worker
