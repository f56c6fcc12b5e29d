// Everything that reads settings. The first byte says which parser; what is accepted has to hold what its header promises.
#include <cstdlib>

#include "base/bytes.h"
#include "base/check.h"
#include "config/compat.h"
#include "config/settings.h"
#include "config/sources.h"

namespace forebay::config {
namespace {

void apply(const std::vector<Entry>& entries) {
  Settings settings;
  CompatibleTiers tiers;
  for (const Entry& entry : entries) {
    if (size_t index = find_setting(entry.key); index != kSettings) (void)settings.set(index, entry.value, entry.where);
    (void)tiers.take(entry);
    (void)compatible_setting(entry.key);
  }
  if (Result<std::optional<Entry>> assembled = tiers.assemble(); assembled && *assembled)
    (void)settings.set(find_setting("forebay.worker.tiers"), (*assembled)->value, (*assembled)->where);
  // What was taken can be read.
  (void)settings.tiers("forebay.worker.tiers");
  (void)settings.duration("forebay.client.retry_for");
  (void)settings.size("forebay.client.object_size");
  (void)settings.port("forebay.master.rpc_port");
  for (size_t i = 0; i < kSettings; ++i) (void)settings.shown(i);
}

void every_setting(std::string_view value) {
  for (size_t i = 0; i < kSettings; ++i) {
    Settings settings;
    (void)settings.set(i, value, "fuzz");
  }
}

void tiers(std::string_view text) {
  Result<std::vector<Tier>> parsed = parse_tiers(text);
  if (!parsed) return;
  Result<std::vector<Tier>> again = parse_tiers(format_tiers(*parsed));
  FOREBAY_CHECK(again && *again == *parsed, "tiers are read back as they were written");
}

void one(char which, std::string_view text) {
  switch (which) {
    case 't':
      if (auto entries = parse_toml(text, "f")) apply(*entries);
      break;
    case 'p':
      if (auto entries = parse_properties(text, "f")) apply(*entries);
      break;
    case 'j': apply(parse_java_options(text, "f")); break;
    case 'd':
      if (auto entry = parse_define(text)) apply({*entry});
      break;
    case 'v': every_setting(text); break;
    case 's': tiers(text); break;
    default: (void)unknown_key_message(text);
  }
}

}  // namespace
}  // namespace forebay::config

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  forebay::config::one(static_cast<char>(data[0]), {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
