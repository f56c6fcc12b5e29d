#include "master/schema.h"

namespace forebay::master {

Status corrupt_record(std::string_view key) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string name;
  for (char c : key) {
    const auto byte = static_cast<unsigned char>(c);
    name.push_back(kDigits[byte >> 4]);
    name.push_back(kDigits[byte & 15]);
  }
  return corrupt("the metadata record at key 0x" + name + " does not parse; restore the metadata directory from a backup")
      .error();
}

}  // namespace forebay::master
