#include "client/testing/fake_under_store.h"

#include <algorithm>

namespace forebay::client {

Result<v1::UnderEntry> FakeUnderStore::stat(const v1::StatUnderRequest& request) const {
  v1::UnderEntry entry;
  auto object = objects.find(request.path());
  if (object != objects.end()) {
    entry.set_length(object->second.content.size());
    entry.set_mtime_ns(static_cast<int64_t>(object->second.writes));
    entry.set_identity(identity(request.path()));
    return entry;
  }
  entry.set_is_directory(true);
  auto below = objects.lower_bound(request.path() + "/");
  if (request.path().empty() || (below != objects.end() && below->first.starts_with(request.path() + "/"))) return entry;
  return rejected(ENOENT, "mount /s3, '" + request.path() + "': no such key");
}

Result<v1::ListUnderReply> FakeUnderStore::list(const v1::ListUnderRequest& request) const {
  const std::string prefix = request.directory().empty() ? "" : request.directory() + "/";
  std::map<std::string, const Object*> names;  // of directories with '/'
  for (const auto& [key, object] : objects) {
    if (!key.starts_with(prefix)) continue;
    const std::string rest = key.substr(prefix.size());
    const size_t slash = rest.find('/');
    if (slash == std::string::npos) names.emplace(rest, &object);
    if (slash != std::string::npos) names.emplace(rest.substr(0, slash + 1), nullptr);
  }
  v1::ListUnderReply reply;
  reply.set_hidden(hidden);
  for (auto at = names.upper_bound(request.after()); at != names.end(); ++at) {
    if (reply.entries_size() == static_cast<int>(request.limit())) {
      reply.set_next(std::prev(at)->first);
      break;
    }
    v1::UnderEntry& entry = *reply.add_entries();
    entry.set_is_directory(at->second == nullptr);
    entry.set_name(at->second == nullptr ? at->first.substr(0, at->first.size() - 1) : at->first);
    if (at->second == nullptr) continue;
    entry.set_length(at->second->content.size());
    entry.set_identity(identity(prefix + at->first));
  }
  return reply;
}

Result<std::string> FakeUnderStore::read(const v1::ReadUnderRequest& request) {
  auto object = objects.find(request.key());
  if (object == objects.end()) return rejected(ENOENT, "no such key");
  if (identity(request.key()) != request.identity()) return stale("mount /s3, '" + request.key() + "': it holds something else");
  if (request.fetch_only()) return "";
  ++reads;
  return object->second.content.substr(std::min(request.offset(), object->second.content.size()), request.length());
}

Result<v1::BeginUnderUploadReply> FakeUnderStore::begin(const v1::BeginUnderUploadRequest& request) {
  v1::BeginUnderUploadReply reply;
  reply.set_upload(++writes_);
  uploads[writes_] = request;
  written[writes_].clear();
  return reply;
}

Result<v1::Empty> FakeUnderStore::write(const v1::WriteUnderUploadRequest& request, const std::string& bytes) {
  if (!uploads.contains(request.upload())) return stale("no such upload");
  std::string& so_far = written[request.upload()];
  if (request.offset() + bytes.size() <= so_far.size()) return v1::Empty{};
  if (request.offset() != so_far.size()) return invalid("out of order");
  so_far += bytes;
  return v1::Empty{};
}

Result<v1::EndUnderUploadReply> FakeUnderStore::end(const v1::EndUnderUploadRequest& request) {
  auto upload = uploads.find(request.upload());
  if (upload == uploads.end()) return stale("no such upload");
  if (written[request.upload()].size() != request.length()) return invalid("other bytes");
  const v1::BeginUnderUploadRequest& begun = upload->second;
  const bool is_there = objects.contains(begun.key());
  if (begun.exclusive() && is_there) return stale("it is there");
  if (!begun.expected().empty() && (!is_there || identity(begun.key()) != begun.expected()))
    return stale("it holds something else");
  put(begun.key(), written[request.upload()]);
  v1::EndUnderUploadReply reply;
  reply.set_identity(identity(begun.key()));
  uploads.erase(upload);
  return reply;
}

Result<v1::Empty> FakeUnderStore::abort(const v1::AbortUnderUploadRequest& request) {
  uploads.erase(request.upload());
  return v1::Empty{};
}

Result<v1::Empty> FakeUnderStore::remove(const v1::RemoveUnderRequest& request) {
  if (!request.is_directory()) {
    objects.erase(request.path());
    return v1::Empty{};
  }
  auto below = objects.lower_bound(request.path() + "/");
  if (below != objects.end() && below->first.starts_with(request.path() + "/")) return rejected(ENOTEMPTY, "not empty");
  return v1::Empty{};
}

Result<v1::Empty> FakeUnderStore::rename(const v1::RenameUnderRequest& request) {
  auto moved = objects.extract(request.from());
  if (moved.empty()) return rejected(ENOENT, "no such key");
  objects[request.to()] = std::move(moved.mapped());
  return v1::Empty{};
}

Result<v1::SetUnderAttributesReply> FakeUnderStore::set_attributes(const v1::SetUnderAttributesRequest& request) {
  if (!keeps_attributes) return rejected(EOPNOTSUPP, "this store keeps none");
  attributes.push_back(request);
  return v1::SetUnderAttributesReply{};
}

}  // namespace forebay::client
