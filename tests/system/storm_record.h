// The storm's own record of what was promised: one line before every operation and one after its acknowledgement, in a file that
// no Forebay process touches. A record survives SIGKILL of its writer, because each line is one write(2).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace forebay::storm {

// What a writer does, always below its own directory, one operation at a time.
enum class Kind : char {
  kCreate = 'c',
  kWrite = 'w',
  kTruncate = 't',
  kRename = 'r',
  kUnlink = 'u',
  kMakeDir = 'm',
  kRemoveDir = 'd'
};

struct Operation {
  Kind kind;
  std::string path, to;                       // `to`: rename
  uint64_t offset = 0, length = 0, seed = 0;  // write: bytes of the stream `seed`; truncate: length
};

// The bytes of stream `seed` from position 0, `length` of them.
std::string stream_bytes(uint64_t seed, uint64_t length);

// A tree as it should be: directories and files with their contents.
struct Tree {
  std::set<std::string> directories;
  std::map<std::string, std::string> files;
  bool operator==(const Tree&) const = default;
};

// Applies an operation that succeeded.
void apply(Tree& tree, const Operation& operation);

// The states a tree may be in while `operation` is under way and its outcome is not known: before, after, and what lies between
// for an operation that takes several steps (a created file that has no content yet).
std::vector<Tree> possible(const Tree& before, const Operation& operation);

// Appends to the record file. Aborts the process on an error of the record's own disk: without a record nothing can be judged.
class Recorder {
 public:
  explicit Recorder(const std::string& path);
  ~Recorder();
  void intend(const Operation& operation);
  void acknowledge();
  void refuse();  // a final error: nothing may have changed

 private:
  void line(const std::string& text);
  int fd_;
};

// What a record says: the acknowledged tree, and the operation that was under way at the end, if any.
struct Promise {
  Tree tree;
  std::optional<Operation> open;
  uint64_t acknowledged = 0;
};
Promise read_record(const std::string& path);

}  // namespace forebay::storm
