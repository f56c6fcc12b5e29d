#include "os/socket_address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace forebay::os {
namespace {

SocketAddress from_short_path(const std::string& path) {
  SocketAddress address;
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  std::memcpy(name.sun_path, path.data(), path.size());
  address.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  std::memcpy(&address.storage, &name, sizeof name);
  return address;
}

}  // namespace

bool SocketAddress::is_loopback() const {
  if (family() == AF_UNIX) return true;
  if (family() == AF_INET) {
    const auto* v4 = reinterpret_cast<const sockaddr_in*>(&storage);
    return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
  }
  const auto* v6 = reinterpret_cast<const sockaddr_in6*>(&storage);
  return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) || (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr) && v6->sin6_addr.s6_addr[12] == 127);
}

std::string SocketAddress::to_string() const {
  char host[NI_MAXHOST] = "", port[NI_MAXSERV] = "";
  if (getnameinfo(get(), length, host, sizeof host, port, sizeof port, NI_NUMERICHOST | NI_NUMERICSERV) != 0)
    return "unknown peer";
  return family() == AF_INET6 ? "[" + std::string(host) + "]:" + port : std::string(host) + ":" + port;
}

Result<SocketAddress> unix_socket_address(const std::string& path) {
  if (path.size() < sizeof(sockaddr_un::sun_path)) return from_short_path(path);
  size_t slash = path.rfind('/');
  std::string name = slash == std::string::npos ? path : path.substr(slash + 1);
  std::string parent = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  int directory = ::open(parent.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (directory < 0) return from_errno(errno, "open the directory of socket '" + path + "'");
  std::shared_ptr<int> owner(new int(directory), [](int* fd) {
    ::close(*fd);
    delete fd;
  });
  std::string through = "/proc/self/fd/" + std::to_string(directory) + "/" + name;
  if (through.size() >= sizeof(sockaddr_un::sun_path)) return invalid("the name of socket '" + path + "' is too long");
  SocketAddress address = from_short_path(through);
  address.directory = std::move(owner);
  return address;
}

Result<std::vector<SocketAddress>> tcp_socket_addresses(const std::string& host, uint16_t port, bool numeric_only) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | (numeric_only ? AI_NUMERICHOST : 0);
  addrinfo* found = nullptr;
  int error = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  std::vector<SocketAddress> addresses;
  if (numeric_only && error == EAI_NONAME) return addresses;
  if (error != 0) return elsewhere("look up host '" + host + "': " + gai_strerror(error));
  for (addrinfo* entry = found; entry != nullptr; entry = entry->ai_next) {
    SocketAddress address;
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
    addresses.push_back(std::move(address));
  }
  freeaddrinfo(found);
  return addresses;
}

}  // namespace forebay::os
