// Calls that do many things at once.
#include <algorithm>

#include "base/crc32c.h"
#include "client/client_impl.h"
#include "rpc/error_detail.h"

namespace forebay::client {

namespace rpcs = v1::namespace_service;

namespace {
constexpr size_t kMostFiles = 256;  // the master's limits for one call
constexpr size_t kMostContent = 1 * kMiB;
constexpr size_t kMostLookups = 1024;
constexpr size_t kMostUnlinks = 256;

Result<v1::Attr> outcome_of(v1::AttrOrError& each) {
  if (each.has_error()) return Error(rpc::from_detail(each.error()));
  return std::move(*each.mutable_attr());
}

std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
}  // namespace

// Larger ones go the usual way, as several calls.
Task<Result<v1::Attr>> ClientImpl::put_large(Identity who, NewFile file) {
  const OpenFlags flags{.read = false, .write = true, .truncate = true};
  CO_ASSIGN_OR_RETURN(Created made, co_await create(who, file.parent, std::move(file.name), file.mode, flags, file.exclusive));
  Result<void> written = co_await made.file->pwrite(file.content, 0);
  Result<void> closed = co_await made.file->close();
  if (!written) co_return std::unexpected(std::move(written).error());
  if (!closed) co_return std::unexpected(std::move(closed).error());
  Result<v1::Attr> attr = co_await made.file->attr();
  co_return attr;
}

// As many of `files` from `from` on as one call takes.
Task<Result<size_t>> ClientImpl::put_some(Identity who, std::span<const NewFile> files, std::vector<Result<v1::Attr>>* outcomes) {
  v1::PutManyRequest request;
  request.set_durability(core_->config.durability);
  size_t content = 0, taken = 0;
  for (; taken < files.size() && taken < kMostFiles; ++taken) {
    const NewFile& file = files[taken];
    if (file.content.size() > core_->inline_limit() || content + file.content.size() > kMostContent) break;
    content += file.content.size();
    core_->names.adding(file.parent, file.name);
    v1::PutItem& item = *request.add_files();
    item.set_parent(file.parent.value);
    item.set_name(file.name);
    item.set_mode(file.mode);
    item.set_exclusive(file.exclusive);
    item.set_content(std::string(as_text(file.content)));
    item.set_crc32c(crc32c(file.content));
  }
  if (taken == 0) co_return size_t{0};
  Result<v1::PutManyReply> reply = co_await core_->session.call<rpcs::PutMany>(std::move(who), std::move(request));
  for (const NewFile& file : files.first(taken)) core_->directories.forget(file.parent);
  if (!reply) co_return std::unexpected(std::move(reply).error());
  if (reply->files_size() != static_cast<int>(taken)) co_return invalid("the master has put another number of files");
  for (v1::AttrOrError& each : *reply->mutable_files()) {
    Result<v1::Attr> put = outcome_of(each);
    outcomes->push_back(put ? Result<v1::Attr>(merged(std::move(*put))) : std::move(put));
  }
  co_return taken;
}

Task<Result<std::vector<Result<v1::Attr>>>> ClientImpl::put_many(Identity who, std::vector<NewFile> files) {
  std::vector<Result<v1::Attr>> outcomes;
  outcomes.reserve(files.size());
  while (outcomes.size() < files.size()) {
    const std::span<const NewFile> left = std::span(files).subspan(outcomes.size());
    CO_ASSIGN_OR_RETURN(const size_t put, co_await put_some(who, left, &outcomes));
    if (put != 0) continue;
    Result<v1::Attr> large = co_await put_large(who, left.front());
    outcomes.push_back(std::move(large));
  }
  co_return outcomes;
}

Task<Result<v1::Attr>> ClientImpl::put(Identity who, NewFile file) {
  std::vector<NewFile> files;
  files.push_back(std::move(file));
  CO_ASSIGN_OR_RETURN(std::vector<Result<v1::Attr>> outcomes, co_await put_many(std::move(who), std::move(files)));
  co_return std::move(outcomes.front());
}

Task<Result<std::vector<Result<v1::Attr>>>> ClientImpl::lookup_many(Identity who, std::vector<EntryName> entries) {
  std::vector<Result<v1::Attr>> outcomes;
  outcomes.reserve(entries.size());
  while (outcomes.size() < entries.size()) {
    v1::LookupManyRequest request;
    const size_t end = std::min(entries.size(), outcomes.size() + kMostLookups);
    for (size_t i = outcomes.size(); i < end; ++i) {
      v1::EntryName& entry = *request.add_entries();
      entry.set_parent(entries[i].parent.value);
      entry.set_name(entries[i].name);
    }
    Result<v1::LookupManyReply> reply = co_await core_->session.call<rpcs::LookupMany>(who, request);
    if (!reply) co_return std::unexpected(std::move(reply).error());
    if (reply->entries_size() != request.entries_size()) co_return invalid("the master has looked up another number of names");
    for (v1::AttrOrError& each : *reply->mutable_entries()) {
      Result<v1::Attr> found = outcome_of(each);
      outcomes.push_back(found ? Result<v1::Attr>(merged(std::move(*found))) : std::move(found));
    }
  }
  co_return outcomes;
}

Task<Result<std::vector<Result<void>>>> ClientImpl::unlink_many(Identity who, std::vector<EntryName> entries) {
  std::vector<Result<void>> outcomes;
  outcomes.reserve(entries.size());
  while (outcomes.size() < entries.size()) {
    v1::UnlinkManyRequest request;
    const size_t end = std::min(entries.size(), outcomes.size() + kMostUnlinks);
    for (size_t i = outcomes.size(); i < end; ++i) {
      v1::EntryName& entry = *request.add_entries();
      entry.set_parent(entries[i].parent.value);
      entry.set_name(entries[i].name);
    }
    Result<v1::UnlinkManyReply> reply = co_await core_->session.call<rpcs::UnlinkMany>(who, request);
    for (size_t i = outcomes.size(); i < end; ++i) core_->directories.forget(entries[i].parent);
    if (!reply) co_return std::unexpected(std::move(reply).error());
    if (reply->errors_size() != request.entries_size()) co_return invalid("the master has unlinked another number of names");
    for (const v1::ErrorDetail& error : reply->errors())
      outcomes.push_back(error.code() == 0 ? Result<void>{} : Result<void>(Error(rpc::from_detail(error))));
  }
  co_return outcomes;
}

}  // namespace forebay::client
