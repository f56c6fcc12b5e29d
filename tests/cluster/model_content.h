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
  // `handle`: through which it was made; 0: atomic at the master, part of the file at once. `surely`: the call succeeded. One
  // that failed may have been done, and may become part of the file later, or never.
  void write(uint64_t offset, std::string_view data, uint64_t handle, bool surely = true);
  void append(std::string_view data, uint64_t handle, bool surely = true) { write(current_.size(), data, handle, surely); }
  void truncate(uint64_t size, uint64_t handle, bool surely = true);
  // An fsync or close of this handle was acknowledged: its changes that succeeded are part of the file.
  void commit(uint64_t handle);
  void commit_all();
  // Whoever has this handle open is dead, or has heard of an error: its changes since may be there or not, now and for ever.
  void doubt(uint64_t handle);

  const std::string& current() const { return current_; }
  const std::string& committed() const { return committed_; }
  bool is_clean() const { return changes_.empty(); }

  // Empty when `seen` may be the content after a crash; else what is wrong with it.
  std::string why_not(std::string_view seen) const;
  void adopt(std::string_view seen);  // it is what the file holds from now on

 private:
  struct Change {
    uint64_t offset;   // of a cut: the new size
    std::string data;  // empty: a cut
    uint64_t handle;
    bool surely, stored = false;
  };
  static void apply(const Change& change, std::string& to);
  void change(Change change);
  void fold();
  std::string base_, committed_, current_;  // base: before all changes
  std::vector<Change> changes_;             // in order, the first one not stored
};

// "bytes 5 to 9 differ: …" for people; empty when equal.
std::string difference(std::string_view expected, std::string_view seen);

}  // namespace forebay::cluster
