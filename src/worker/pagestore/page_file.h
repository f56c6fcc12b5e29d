// One page of an object of an under store, in a file of its own (docs/formats/page.md).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/hash.h"
#include "base/status.h"

namespace forebay::worker {

using PageBytes = std::shared_ptr<const std::vector<std::byte>>;  // shared by the cache and all who read it at the moment

// Which bytes a page holds: a change of the object is another identity, and so another page. Value.
struct PageName {
  std::string store;  // the mount's URI and endpoint: a mount that is made again finds its pages, another one does not
  std::string key;
  std::string identity;
  uint64_t page_bytes = 0;
  uint64_t number = 0;

  std::string text() const;  // what the file says it is
  Hash128 id() const;        // names the file
};

// The whole file. `corrupt` unless it is this page, whole, with the bytes that were stored.
std::vector<std::byte> encode_page(const PageName& name, Bytes bytes);
Result<PageBytes> decode_page(const PageName& name, Bytes file);
uint64_t page_file_bytes(const PageName& name, uint64_t bytes);

std::string page_file_name(Hash128 id);                       // "3f/3f0c…" below the directory
Result<Hash128> parse_page_file_name(std::string_view name);  // the part behind the slash

}  // namespace forebay::worker
