#include "ufs/stamp.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "base/check.h"

namespace forebay::ufs {
namespace {

bool is_cluster_text(std::string_view text) {
  auto is_plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
  };
  return !text.empty() && text.size() <= Stamp::kMostCluster && std::ranges::all_of(text, is_plain);
}

template <class T>
bool number(std::string_view text, T& into, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return error == std::errc() && end == text.data() + text.size();
}

bool owner(std::string_view text, Stamp& stamp) {
  const size_t colon = text.find(':');
  return colon != std::string_view::npos && number(text.substr(0, colon), stamp.uid) && number(text.substr(colon + 1), stamp.gid);
}

// Which field it was, as a bit; 0 for unknown names; -1 for a bad value.
int field(std::string_view name, std::string_view value, Stamp& stamp) {
  auto seen = [](bool good, int bit) { return good ? bit : -1; };
  if (name == "cluster") {
    stamp.cluster = value;
    return seen(is_cluster_text(value), 1);
  }
  if (name == "inode") return seen(number(value, stamp.inode.value), 2);
  if (name == "version") return seen(number(value, stamp.version.value), 4);
  if (name == "length") return seen(number(value, stamp.length), 8);
  if (name == "crc32c") return seen(number(value, stamp.crc32c, 16), 16);
  if (name == "mode") return seen(number(value, stamp.mode, 8), 32);
  if (name == "owner") return seen(owner(value, stamp), 64);
  if (name == "mtime") return seen(number(value, stamp.mtime_ns), 128);
  return 0;
}

}  // namespace

std::string Stamp::to_text() const {
  FOREBAY_CHECK(is_cluster_text(cluster), "a stamp names its cluster");
  char text[320];
  const int written = std::snprintf(
      text, sizeof text, "1;cluster=%s;inode=%llu;version=%llu;length=%llu;crc32c=%08x;mode=%o;owner=%u:%u;mtime=%lld",
      cluster.c_str(), static_cast<unsigned long long>(inode.value), static_cast<unsigned long long>(version.value),
      static_cast<unsigned long long>(length), crc32c, mode, uid, gid, static_cast<long long>(mtime_ns));
  return {text, static_cast<size_t>(written)};
}

Result<Stamp> Stamp::parse(std::string_view text) {
  if (text.size() > 1024 || !text.starts_with("1;")) return corrupt("not a stamp of ours");
  Stamp stamp;
  int seen = 0;
  for (size_t at = 2; at <= text.size();) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string_view item = text.substr(at, end - at);
    at = end + 1;
    const size_t equals = item.find('=');
    if (equals == std::string_view::npos) return corrupt("a stamp without '='");
    const int bit = field(item.substr(0, equals), item.substr(equals + 1), stamp);
    if (bit < 0 || (seen & bit) != 0) return corrupt("a stamp with a bad field");
    seen |= bit;
  }
  if (seen != 255) return corrupt("a stamp with fields missing");
  return stamp;
}

}  // namespace forebay::ufs
