// Looking at the host: ports, mounts, and what a role says about itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "base/units.h"

namespace forebay::cli {

// Free TCP ports of 127.0.0.1, none given twice. They stay bound until this object is destroyed.
class PortChooser {
 public:
  ~PortChooser();
  Result<uint16_t> choose();
  bool take(uint16_t port);  // false: in use

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
