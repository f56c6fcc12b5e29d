// Options of a mount, taken one by one; what nobody took was misspelt.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/units.h"
#include "ufs/open.h"

namespace forebay::ufs {

// Each call takes one option by name and remembers the name and the first error. Values of secret options are in no message.
class OptionReader {
 public:
  OptionReader(std::string uri, const StoreOptions& options) : uri_(std::move(uri)), options_(options) {}

  void text(std::string_view name, std::string& into);
  void flag(std::string_view name, bool& into);  // true, false
  void count(std::string_view name, size_t& into, size_t least, size_t most);
  void size(std::string_view name, uint64_t& into, uint64_t least, uint64_t most);  // "8MB"
  void duration(std::string_view name, Duration& into);                             // "5s"
  template <class E>
  void choice(std::string_view name, E& into, std::initializer_list<std::pair<std::string_view, E>> choices) {
    const std::string* value = find(name);
    if (!value) return;
    std::string known;
    for (const auto& [choice, meaning] : choices) {
      if (choice == *value) {
        into = meaning;
        return;
      }
      known += (known.empty() ? "" : ", ") + std::string(choice);
    }
    fail("option " + std::string(name) + " is '" + *value + "', not one of " + known);
  }
  void octal(std::string_view name);  // permission bits, "750": only checked
  void capabilities(Capabilities& into);
  // The first error, or the option that does not exist with the nearest one that does.
  Result<void> finish() const;

 private:
  const std::string* find(std::string_view name);
  void fail(std::string message);

  const std::string uri_;
  const StoreOptions& options_;
  std::vector<std::string> known_;
  std::string error_;
};

bool is_secret_option(std::string_view name);

}  // namespace forebay::ufs
