// Looking at the host: ports, mounts, and what a role says about itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace forebay::cli {

// Free TCP ports of 127.0.0.1, none given twice. Until this object is destroyed they stay bound, so that nobody else gets them:
// no connection as its own port, no other PortChooser. A server that sets SO_REUSEADDR, as the roles do, can listen on them
// meanwhile.
class PortChooser {
 public:
  PortChooser() = default;
  PortChooser(const PortChooser&) = delete;
  PortChooser& operator=(const PortChooser&) = delete;
  ~PortChooser();
  // Outside the range that the kernel takes the ports of connections from: a cluster that is down keeps its ports so.
  Result<uint16_t> choose();
  bool take(uint16_t port);  // false: somebody listens there

 private:
  std::vector<int> sockets_;
};

bool port_is_free(const std::string& host, uint16_t port);

struct HttpReply {
  int status;
  std::string body;
};
// GET http://127.0.0.1:port/path. Nothing when nobody answers in time. At most 1 MiB.
std::optional<HttpReply> http_get(uint16_t port, const std::string& path, Duration timeout);

// The role is ready; else why not ("does not answer").
std::string readiness_of(uint16_t web_port);

}  // namespace forebay::cli
