#include <charconv>
#include <string>

#include "os/net.h"

namespace forebay::os {
namespace {

constexpr std::string_view kUnixPrefix = "unix:";

Error bad_address(std::string_view text, std::string_view why) {
  return invalid("address '" + std::string(text) + "': " + std::string(why) + "; expected host:port, [ipv6]:port or unix:/path");
}

Result<uint16_t> parse_port(std::string_view text, std::string_view port) {
  uint16_t value = 0;
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
  if (error != std::errc() || end != port.data() + port.size()) return bad_address(text, "the port is not a number up to 65535");
  return value;
}

}  // namespace

Result<Address> Address::parse(std::string_view text, uint16_t default_port) {
  Address address;
  if (text.starts_with(kUnixPrefix)) {
    address.path = text.substr(kUnixPrefix.size());
    if (address.path.empty()) return bad_address(text, "the path is missing");
    if (address.path.find('\0') != std::string::npos) return bad_address(text, "the path contains a NUL");
    return address;
  }
  std::string_view host = text, port;
  if (text.starts_with('[')) {
    size_t close = text.find(']');
    if (close == std::string_view::npos) return bad_address(text, "']' is missing");
    host = text.substr(1, close - 1);
    port = text.substr(close + 1);
    if (!port.empty() && port[0] != ':') return bad_address(text, "':' is missing after ']'");
  } else if (size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon);
    if (host.find(':') != std::string_view::npos) return bad_address(text, "an IPv6 address needs brackets");
  }
  if (host.empty()) return bad_address(text, "the host is missing");
  address.host = host;
  address.port = default_port;
  if (port.empty()) return address;
  ASSIGN_OR_RETURN(address.port, parse_port(text, port.substr(1)));
  return address;
}

std::string Address::to_string() const {
  if (is_unix()) return std::string(kUnixPrefix) + path;
  bool bracket = host.find(':') != std::string::npos;
  return (bracket ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

}  // namespace forebay::os
