// One request of the kernel, from its arrival to its one reply.
#pragma once

#include <fuse3/fuse_lowlevel.h>

#include <string_view>

#include "client/client.h"

namespace forebay::fuse {

class Volume;
struct OpenFile;

// Who asks, and the one reply that is owed. Held by the coroutine that serves the request; when it is destroyed without having
// replied, the caller gets EIO, so no process waits for ever. Counts among the volume's requests in flight while it lives.
// Any thread, one at a time. The replying functions may be called once, one of them.
class Request {
 public:
  Request(Volume& volume, fuse_req_t request, std::string_view operation);
  Request(Request&& other) noexcept;
  Request& operator=(Request&&) = delete;
  ~Request();

  Volume& volume() const { return *volume_; }
  client::Client& client() const;
  fuse_req_t raw() const { return request_; }

  void fail(int error);
  void fail(const Status& status);  // logs what is no final answer: the application only sees EIO
  void done();
  void attr(const v1::Attr& attr);
  void entry(const v1::Attr& attr);
  void no_entry();  // ENOENT, remembered by the kernel if the mount is told so
  void target(const std::string& text);
  void bytes(const void* from, size_t size);
  void written(size_t size);
  void position(off_t at);
  void attribute_size(size_t size);
  void space(const v1::StatFsReply& space);
  // False: the caller is gone, nobody will release the file or directory.
  // `backing_id`: of the file in the kernel that serves it; 0: none.
  [[nodiscard]] bool opened(const fuse_file_info& info, int32_t backing_id);
  [[nodiscard]] bool created(const v1::Attr& attr, const fuse_file_info& info, int32_t backing_id);

  // done() or fail(), by the result.
  void finish(const Result<void>& result);

 private:
  fuse_req_t take();

  Volume* volume_;
  fuse_req_t request_;
  std::string_view operation_;  // a literal
};

// The caller's identity with its supplementary groups. On the thread that received the request: it looks at the caller's process,
// which waits for the reply.
client::Identity identity_of(fuse_req_t request);

}  // namespace forebay::fuse
