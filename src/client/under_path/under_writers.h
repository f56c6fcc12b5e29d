// Which objects this client is writing.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#include "base/ids.h"

namespace forebay::client {

class UnderWriter;  // client/under_path/under_writer.h

// Who writes what: for names and attributes before there is an object. Any thread. As many as there are open files.
class UnderWriters {
 public:
  void add(const std::shared_ptr<UnderWriter>& writer);
  void remove(const UnderWriter& writer);
  std::shared_ptr<UnderWriter> find(InodeId inode) const;
  std::shared_ptr<UnderWriter> find(uint64_t mount, const std::string& key) const;

 private:
  mutable std::mutex mutex_;
  std::map<InodeId, std::shared_ptr<UnderWriter>> by_inode_;
  std::map<std::pair<uint64_t, std::string>, std::shared_ptr<UnderWriter>> by_key_;
};

}  // namespace forebay::client
