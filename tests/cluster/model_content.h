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
  // `surely`: the call succeeded. One that failed may have been done, and may become part of the file later, or never.
  void write(uint64_t offset, std::string_view data, bool surely = true);
  void append(std::string_view data, bool surely = true) { write(current_.size(), data, surely); }
  void truncate(uint64_t size, bool surely = true);
  void commit();  // acknowledged: of all changes that succeeded
  void doubt();   // whoever made the changes since then is dead: each may be there or not, now and for ever

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
    bool surely;
  };
  static void apply(const Change& change, std::string& to);
  std::string committed_, current_;
  std::vector<Change> pending_;
};

// "bytes 5 to 9 differ: …" for people; empty when equal.
std::string difference(std::string_view expected, std::string_view seen);

}  // namespace forebay::cluster
