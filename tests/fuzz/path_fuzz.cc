// Paths as users type them: what is accepted is normal, within the limits, and normalises to itself.
#include <cstdlib>

#include "base/check.h"
#include "cli/path.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace forebay::cli;
  forebay::Result<std::string> normal = normalize_path({reinterpret_cast<const char*>(data), size});
  if (!normal) return 0;
  FOREBAY_CHECK(normal->starts_with('/') && normal->size() <= 4096, "absolute, within the limit");
  FOREBAY_CHECK(normal->find("//") == std::string::npos && normal->find('\0') == std::string::npos,
                "no empty name, no zero byte");
  FOREBAY_CHECK(*normal == "/" || !normal->ends_with('/'), "no slash at the end");
  forebay::Result<std::string> again = normalize_path(*normal);
  FOREBAY_CHECK(again && *again == *normal, "normal stays normal");
  auto [directory, name] = split_path(*normal);
  if (!name.empty())
    FOREBAY_CHECK(join_path(directory, name) == *normal && name != "." && name.size() <= 255, "splits and joins");
  return 0;
}
