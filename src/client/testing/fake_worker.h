// A worker that keeps objects in files of its simulated host.
#pragma once

#include <map>
#include <memory>
#include <set>

#include "client/testing/fake_server.h"
#include "client/testing/fake_under_store.h"
#include "os/file.h"

namespace forebay::client {

class FakeWorker final : public FakeServer {
 public:
  static constexpr uint64_t kDataOffset = 64;

  struct FakeObject {
    std::shared_ptr<os::File> file;  // shared with replies that carry its descriptor
    bool sealed = false;
    uint32_t crc32c = 0;
    uint64_t boot = 0;
    uint64_t reserved = 0;
    bool staged = false;  // written by others: opened by this for reading only
  };

  FakeWorker(std::shared_ptr<os::SimProcess> process, uint64_t id);

  v1::WorkerAddress address;
  std::map<uint64_t, FakeObject> objects;
  uint64_t boot = 1;          // another one: its machine has lost power, and unsealed objects take nothing any more
  std::set<uint64_t> synced;  // objects, at least once
  uint64_t bytes_written = 0;
  uint64_t may_hold = UINT64_MAX;      // bytes, of any client
  std::map<uint64_t, uint64_t> holds;  // bytes
  uint64_t objects_from_holds = 0;
  FakeUnderStore* under = nullptr;  // shared by the workers of a test
  bool stages = true;               // has staged objects
  size_t most_at_once = 0;          // writes running together

  std::string path_of(uint64_t object) const;
  std::string content(uint64_t object);
  // Its space comes back when nobody has it open any more.
  void remove(uint64_t object);
  void copy_from(FakeWorker& other, uint64_t object);  // a second copy

 private:
  void serve_under();
  Result<FakeObject*> find(uint64_t object);
  Result<FakeObject*> find_or_create(uint64_t object, uint64_t create_bytes, bool staged = false);
  Result<rpc::Answer<v1::OpenObjectReply>> open(const v1::OpenObjectRequest& request);
  Result<rpc::Answer<v1::OpenObjectReply>> fork(const v1::ForkObjectRequest& request);
  static uint64_t data_offset(const FakeObject& object) { return object.staged ? 0 : kDataOffset; }
  Result<rpc::Answer<v1::ReadObjectReply>> read(const v1::ReadObjectRequest& request);
  uint64_t length(FakeObject& object);
};

}  // namespace forebay::client
