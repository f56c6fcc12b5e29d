#include "master/format.h"

#include <cstdio>

#include "kv/txn.h"
#include "master/namespace/inode.h"
#include "master/numbers.h"
#include "master/schema.h"

namespace forebay::master {
namespace {

constexpr size_t kClusterDigits = 32;

// "<format> <cluster id>" in text, so that a person finds it in a dump.
Result<std::string> parse(const std::string& value) {
  const size_t space = value.find(' ');
  if (space == std::string::npos || value.size() - space - 1 != kClusterDigits)
    return std::unexpected(corrupt_record(key::format()));
  const std::string format = value.substr(0, space);
  if (format != std::to_string(kMetadataFormat))
    return invalid("the metadata has format " + format + ", this program reads " + std::to_string(kMetadataFormat) +
                   ": start the program that wrote it");
  return value.substr(space + 1);
}

std::string new_cluster_id(os::Random& random) {
  char text[kClusterDigits + 1];
  std::snprintf(text, sizeof text, "%016llx%016llx", static_cast<unsigned long long>(random.next()),
                static_cast<unsigned long long>(random.next()));
  return text;
}

}  // namespace

Result<std::string> open_format(kv::Store& store, os::Random& random, os::WallTime now, std::string_view boot) {
  ASSIGN_OR_RETURN(const std::optional<std::string> value, store.get(key::format()));
  if (value) return parse(*value);
  bool empty = true;
  TRY(store.scan("", kv::prefix_end(""), [&](std::string_view, std::string_view) { return empty = false; }));
  if (!empty) return corrupt("the metadata has no format record: this is not a directory of a master, or it is damaged");
  const std::string cluster = new_cluster_id(random);
  kv::Txn txn(store);
  format_namespace(txn, now);
  begin_numbers(txn, boot);
  txn.put(key::format(), std::to_string(kMetadataFormat) + " " + cluster);
  TRY(store.write(txn.to_batch()));
  TRY(store.sync());
  return cluster;
}

}  // namespace forebay::master
