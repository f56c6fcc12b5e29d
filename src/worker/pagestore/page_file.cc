#include "worker/pagestore/page_file.h"

#include <cstdio>
#include <cstring>

#include "base/crc32c.h"

namespace forebay::worker {
namespace {

constexpr uint32_t kMagic = 0x47504246;  // "FBPG"
constexpr uint32_t kFormat = 1;

// Little-endian. `header_crc` is of what stands before it and of the name.
struct Header {
  uint32_t magic;
  uint32_t format;
  uint32_t name_length;   // detects a name that was cut
  uint32_t bytes_length;  // detects a file that was cut
  uint32_t bytes_crc;     // detects decay, and a write that a crash has torn
  uint32_t header_crc;
};
static_assert(sizeof(Header) == 24);
constexpr size_t kChecked = offsetof(Header, header_crc);

uint32_t header_crc(const Header& header, std::string_view name) {
  return crc32c(as_bytes(name), crc32c(std::as_bytes(std::span(&header, 1)).first(kChecked)));
}

}  // namespace

std::string PageName::text() const {
  std::string text = store;
  text += '\0';
  text += key;
  text += '\0';
  text += identity;
  text += '\0';
  append_big_endian(text, page_bytes);
  append_big_endian(text, number);
  return text;
}

Hash128 PageName::id() const { return hash128(text()); }

uint64_t page_file_bytes(const PageName& name, uint64_t bytes) { return sizeof(Header) + name.text().size() + bytes; }

std::vector<std::byte> encode_page(const PageName& name, Bytes bytes) {
  static_assert(std::endian::native == std::endian::little);
  const std::string text = name.text();
  Header header{.magic = kMagic,
                .format = kFormat,
                .name_length = static_cast<uint32_t>(text.size()),
                .bytes_length = static_cast<uint32_t>(bytes.size()),
                .bytes_crc = crc32c(bytes),
                .header_crc = 0};
  header.header_crc = header_crc(header, text);
  std::vector<std::byte> file(sizeof header + text.size() + bytes.size());
  std::memcpy(file.data(), &header, sizeof header);
  std::memcpy(file.data() + sizeof header, text.data(), text.size());
  if (!bytes.empty()) std::memcpy(file.data() + sizeof header + text.size(), bytes.data(), bytes.size());
  return file;
}

Result<PageBytes> decode_page(const PageName& name, Bytes file) {
  Header header;
  if (file.size() < sizeof header) return corrupt("a page's file is cut in its header");
  std::memcpy(&header, file.data(), sizeof header);
  if (header.magic != kMagic || header.format != kFormat) return corrupt("a page's file begins with something else");
  if (file.size() != sizeof header + uint64_t{header.name_length} + header.bytes_length) return corrupt("a page's file is cut");
  const std::string_view text = as_text(file.subspan(sizeof header, header.name_length));
  if (header_crc(header, text) != header.header_crc) return corrupt("a page's header does not match its checksum");
  if (text != name.text()) return corrupt("a page's file holds another page");
  const Bytes bytes = file.subspan(sizeof header + header.name_length);
  if (crc32c(bytes) != header.bytes_crc) return corrupt("a page does not match its checksum");
  return std::make_shared<const std::vector<std::byte>>(bytes.begin(), bytes.end());
}

std::string page_file_name(Hash128 id) {
  char name[40];
  std::snprintf(name, sizeof name, "%02x/%016llx%016llx", static_cast<unsigned>(id.high >> 56),
                static_cast<unsigned long long>(id.high), static_cast<unsigned long long>(id.low));
  return name;
}

Result<Hash128> parse_page_file_name(std::string_view name) {
  if (name.size() != 32 || name.find_first_not_of("0123456789abcdef") != std::string_view::npos)
    return invalid("'" + std::string(name) + "' is no page's file");
  return Hash128{std::stoull(std::string(name.substr(0, 16)), nullptr, 16),
                 std::stoull(std::string(name.substr(16)), nullptr, 16)};
}

}  // namespace forebay::worker
