// What a file may contain.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::cluster {

// The bytes of one file as its writer knows them: `current` with every write made, `committed` with those that an fsync or a
// close acknowledged. After a crash or an error anything between the two is right, and nothing else: each byte is the committed
// one or one that was written over it since (0 where a gap or a cut was made). Value type.
class ModelContent {
 public:
  void write(uint64_t offset, std::string_view data);
  void append(std::string_view data) { write(current_.size(), data); }
  void truncate(uint64_t size);
  void commit();  // acknowledged

  const std::string& current() const { return current_; }
  const std::string& committed() const { return committed_; }
  bool is_clean() const { return pending_.empty(); }
  size_t pending() const { return pending_.size(); }

  // Empty when `seen` may be the content after a crash; else what is wrong with it.
  std::string why_not(std::string_view seen) const;
  void adopt(std::string_view seen);  // it is what the file holds from now on

 private:
  struct Change {
    uint64_t offset;   // of a cut: the new size
    std::string data;  // empty: a cut
  };
  std::string committed_, current_;
  std::vector<Change> pending_;
};

// "bytes 5 to 9 differ: …" for people; empty when equal.
std::string difference(std::string_view expected, std::string_view seen);

}  // namespace forebay::cluster
