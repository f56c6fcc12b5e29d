// Addresses as the kernel takes them.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.h"
#include "os/net.h"

namespace forebay::os {

// Plain value. A Unix path longer than sockaddr_un holds (107 bytes) goes through its directory's descriptor under /proc/self/fd;
// `directory` is that descriptor, -1 if not needed, closed with the last copy.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  std::shared_ptr<int> directory;

  int family() const { return storage.ss_family; }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool is_loopback() const;
  std::string to_string() const;  // "10.0.0.1:80", "[::1]:80"
};

Result<SocketAddress> unix_socket_address(const std::string& path);

// Asks the system's resolver: blocks unless `numeric_only`, which answers nothing for names.
Result<std::vector<SocketAddress>> tcp_socket_addresses(const std::string& host, uint16_t port, bool numeric_only);

}  // namespace forebay::os
