#include "client/testing/fake_worker.h"

#include <algorithm>
#include <cstring>

#include "base/crc32c.h"
#include "forebay/v1/under.rpc.h"

namespace forebay::client {

namespace rpcs = v1::worker_service;

namespace {
Error cut_off() { return std::unexpected(Status(Code::kStale, ENODATA, "the machine was restarted")); }
}  // namespace

FakeWorker::FakeWorker(std::shared_ptr<os::SimProcess> process, uint64_t id) : FakeServer(std::move(process)) {
  address.set_worker(id);
  address.set_host_id(env_.host_id);
  address.set_live(true);
  serve_under();
  on<rpcs::WriteObject>(
      [this](const rpc::Call& call, const v1::WriteObjectRequest& request) -> Result<rpc::Answer<v1::WriteObjectReply>> {
        const bool created = !objects.contains(request.object());
        Result<FakeObject*> object = find_or_create(request.object(), request.create_bytes());
        if (!object) return std::unexpected(object.error());
        if (request.from_hold() != 0 && created) {
          const uint64_t takes = std::min(request.create_bytes() + 12 * kKiB, holds[request.from_hold()]);
          holds[request.from_hold()] -= takes;
          ++objects_from_holds;
        }
        if ((*object)->sealed) return stale("sealed");
        if ((*object)->boot != boot) return cut_off();
        if (request.offset() + call.payload.size() > (*object)->reserved) return invalid("written beyond what was reserved");
        TRY((*object)->file->write_at(call.payload.view(), kDataOffset + request.offset()));
        bytes_written += call.payload.size();
        v1::WriteObjectReply reply;
        reply.set_boot(boot);
        return reply;
      });
  on<rpcs::ReadObject>([this](const rpc::Call&, const v1::ReadObjectRequest& request) { return read(request); });
  on<rpcs::StatObject>(
      [this](const rpc::Call&, const v1::StatObjectRequest& request) -> Result<rpc::Answer<v1::StatObjectReply>> {
        ASSIGN_OR_RETURN(FakeObject * object, find(request.object()));
        v1::StatObjectReply reply;
        reply.set_length(length(*object));
        reply.set_sealed(object->sealed);
        return reply;
      });
  on<rpcs::SealObject>(
      [this](const rpc::Call&, const v1::SealObjectRequest& request) -> Result<rpc::Answer<v1::SealObjectReply>> {
        Result<FakeObject*> object = find(request.object());
        if (!object) return std::unexpected(object.error());
        if (length(**object) < request.length()) return elsewhere("it is shorter", ENODATA);
        if (request.boot() != 0 && request.boot() != boot) return cut_off();
        if ((*object)->staged && (*object)->file->has_writers().value_or(true))
          return std::unexpected(Status(Code::kBusy, ETXTBSY, "somebody can write it"));
        if (!(*object)->sealed && !(*object)->staged) TRY((*object)->file->truncate(kDataOffset + request.length()));
        (*object)->sealed = true;
        if (request.sync()) synced.insert(request.object());
        (*object)->crc32c = crc32c(as_bytes(content(request.object())));
        v1::SealObjectReply reply;
        reply.set_crc32c((*object)->crc32c);
        return reply;
      });
  on<rpcs::SyncObject>([this](const rpc::Call&, const v1::SyncObjectRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    Result<FakeObject*> object = find(request.object());
    if (!object) return std::unexpected(object.error());
    if (request.boot() != 0 && request.boot() != boot) return cut_off();
    synced.insert(request.object());
    return v1::Empty{};
  });
  on<rpcs::HoldSpace>([this](const rpc::Call&, const v1::HoldSpaceRequest& request) -> Result<rpc::Answer<v1::HoldSpaceReply>> {
    holds[request.hold()] = std::min(request.bytes(), may_hold);
    v1::HoldSpaceReply reply;
    reply.set_bytes(holds[request.hold()]);
    reply.set_lease_ms(30'000);
    return reply;
  });
  on<rpcs::ReserveObject>([this](const rpc::Call&, const v1::ReserveObjectRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    Result<FakeObject*> object = find(request.object());
    if (!object) return std::unexpected(object.error());
    (*object)->reserved = std::max((*object)->reserved, request.bytes());
    return v1::Empty{};
  });
  on<rpcs::OpenObject>([this](const rpc::Call&, const v1::OpenObjectRequest& request) { return open(request); });
  on<rpcs::ForkObject>([this](const rpc::Call&, const v1::ForkObjectRequest& request) { return fork(request); });
}

// Of a staged object each gets a descriptor of its own, and the worker one that cannot write.
Result<rpc::Answer<v1::OpenObjectReply>> FakeWorker::open(const v1::OpenObjectRequest& request) {
  if (request.staged() && !stages) return elsewhere("no staged objects here", EOPNOTSUPP);
  ASSIGN_OR_RETURN(FakeObject * object, find_or_create(request.object(), request.create_bytes(), request.staged()));
  if (request.write() && object->sealed) return stale("sealed");
  v1::OpenObjectReply message;
  message.set_data_offset(data_offset(*object));
  message.set_length(length(*object));
  message.set_sealed(object->sealed);
  rpc::Answer<v1::OpenObjectReply> answer(std::move(message));
  answer.descriptor_owner = object->file;
  if (object->staged && request.write()) {
    ASSIGN_OR_RETURN(answer.descriptor_owner, env_.files.open(path_of(request.object()), os::OpenMode::kReadWrite));
  }
  answer.descriptor = answer.descriptor_owner->descriptor();
  return answer;
}

// The new object has the file, which others may have open; the old one goes on in a copy.
Result<rpc::Answer<v1::OpenObjectReply>> FakeWorker::fork(const v1::ForkObjectRequest& request) {
  if (!objects.contains(request.object())) {
    ASSIGN_OR_RETURN(FakeObject * from, find(request.from()));
    if (!from->staged || !from->sealed) return invalid("only a staged object that is sealed is forked");
    const std::string bytes = content(request.from());
    const std::string path = path_of(request.from());
    TRY(env_.files.rename(path, path_of(request.object())));
    {
      ASSIGN_OR_RETURN(const std::unique_ptr<os::File> copy, env_.files.open(path, os::OpenMode::kCreateNew));
      TRY(copy->write_at(as_bytes(bytes), 0));
    }
    objects[request.object()] = {.file = from->file, .boot = boot, .reserved = bytes.size(), .staged = true};
    ASSIGN_OR_RETURN(from->file, env_.files.open(path, os::OpenMode::kRead));
  }
  v1::OpenObjectRequest opening;
  opening.set_object(request.object());
  opening.set_write(true);
  opening.set_staged(true);
  return open(opening);
}

void FakeWorker::serve_under() {
  namespace unders = v1::under_service;
  on<unders::StatUnder>([this](const rpc::Call&, const v1::StatUnderRequest& request) -> Result<rpc::Answer<v1::UnderEntry>> {
    return under->stat(request);
  });
  on<unders::ListUnder>([this](const rpc::Call&, const v1::ListUnderRequest& request) -> Result<rpc::Answer<v1::ListUnderReply>> {
    return under->list(request);
  });
  on<unders::ReadUnder>([this](const rpc::Call&, const v1::ReadUnderRequest& request) -> Result<rpc::Answer<v1::ReadUnderReply>> {
    ASSIGN_OR_RETURN(const std::string bytes, under->read(request));
    rpc::Payload payload = rpc::Payload::allocate(bytes.size());
    if (!bytes.empty()) std::memcpy(payload.writable().data(), bytes.data(), bytes.size());
    return rpc::Answer<v1::ReadUnderReply>(v1::ReadUnderReply(), std::move(payload));
  });
  on<unders::BeginUnderUpload>(
      [this](const rpc::Call&, const v1::BeginUnderUploadRequest& request) -> Result<rpc::Answer<v1::BeginUnderUploadReply>> {
        return under->begin(request);
      });
  on<unders::WriteUnderUpload>(
      [this](const rpc::Call& call, const v1::WriteUnderUploadRequest& request) -> Result<rpc::Answer<v1::Empty>> {
        return under->write(request, std::string(as_text(call.payload.view())));
      });
  on<unders::EndUnderUpload>(
      [this](const rpc::Call&, const v1::EndUnderUploadRequest& request) -> Result<rpc::Answer<v1::EndUnderUploadReply>> {
        return under->end(request);
      });
  on<unders::AbortUnderUpload>(
      [this](const rpc::Call&, const v1::AbortUnderUploadRequest& request) -> Result<rpc::Answer<v1::Empty>> {
        return under->abort(request);
      });
  on<unders::MakeUnderDirectory>(
      [](const rpc::Call&, const v1::MakeUnderDirectoryRequest&) -> Result<rpc::Answer<v1::Empty>> { return v1::Empty{}; });
  on<unders::RemoveUnder>([this](const rpc::Call&, const v1::RemoveUnderRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    return under->remove(request);
  });
  on<unders::RenameUnder>([this](const rpc::Call&, const v1::RenameUnderRequest& request) -> Result<rpc::Answer<v1::Empty>> {
    return under->rename(request);
  });
  on<unders::SetUnderAttributes>(
      [this](const rpc::Call&, const v1::SetUnderAttributesRequest& request) -> Result<rpc::Answer<v1::SetUnderAttributesReply>> {
        return under->set_attributes(request);
      });
}

std::string FakeWorker::path_of(uint64_t object) const {
  return "/worker-" + std::to_string(address.worker()) + "-" + std::to_string(object);
}

uint64_t FakeWorker::length(FakeObject& object) {
  const uint64_t size = object.file->size().value_or(0);
  return size - std::min(size, data_offset(object));
}

std::string FakeWorker::content(uint64_t object) {
  FakeObject& stored = objects.at(object);
  std::string bytes(length(stored), '\0');
  Result<size_t> read = stored.file->read_at(std::as_writable_bytes(std::span(bytes)), data_offset(stored));
  bytes.resize(read.value_or(0));
  return bytes;
}

void FakeWorker::remove(uint64_t object) {
  objects.erase(object);
  (void)env_.files.remove(path_of(object));
}

void FakeWorker::copy_from(FakeWorker& other, uint64_t object) {
  FakeObject* copy = *find_or_create(object, 1);
  const std::string bytes = other.content(object);
  (void)copy->file->write_at(as_bytes(bytes), kDataOffset);
  copy->sealed = other.objects.at(object).sealed;
  copy->crc32c = other.objects.at(object).crc32c;
}

Result<FakeWorker::FakeObject*> FakeWorker::find(uint64_t object) {
  auto found = objects.find(object);
  if (found == objects.end()) return elsewhere("no such object", ENOENT);
  return &found->second;
}

Result<FakeWorker::FakeObject*> FakeWorker::find_or_create(uint64_t object, uint64_t create_bytes, bool staged) {
  if (create_bytes == 0 || objects.contains(object)) return find(object);
  ASSIGN_OR_RETURN(std::shared_ptr<os::File> file, env_.files.open(path_of(object), os::OpenMode::kCreateNew));
  if (staged) {
    ASSIGN_OR_RETURN(file, env_.files.open(path_of(object), os::OpenMode::kRead));
  }
  return &(objects[object] = {.file = std::move(file), .boot = boot, .reserved = create_bytes, .staged = staged});
}

Result<rpc::Answer<v1::ReadObjectReply>> FakeWorker::read(const v1::ReadObjectRequest& request) {
  Result<FakeObject*> object = find(request.object());
  if (!object) return std::unexpected(object.error());
  if ((*object)->sealed && crc32c(as_bytes(content(request.object()))) != (*object)->crc32c) return corrupt("checksum");
  rpc::Payload payload = rpc::Payload::allocate(request.length());
  ASSIGN_OR_RETURN(const size_t read, (*object)->file->read_at(payload.writable(), data_offset(**object) + request.offset()));
  payload.shrink(read);
  return rpc::Answer<v1::ReadObjectReply>(v1::ReadObjectReply{}, std::move(payload));
}

}  // namespace forebay::client
