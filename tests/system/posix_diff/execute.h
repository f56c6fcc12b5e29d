// Running one operation in one directory, and comparing what it did in two.
#pragma once

#include <sys/stat.h>

#include <array>
#include <optional>
#include <string>

#include "op.h"

namespace posix_diff {

// What one operation gave.
struct Outcome {
  int error = 0;
  int64_t value = 0;
  std::string data;  // bytes read, a link's target, a listing
  std::optional<struct stat> attributes;
};

// One of the two trees, as one actor's process uses it. Descriptors stay open across operations.
class Tree {
 public:
  explicit Tree(const std::string& root);
  ~Tree();
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Outcome run(const Op& op);
  void close_all();

 private:
  Outcome run_names(const Op& op);
  Outcome run_open(const Op& op);
  Outcome run_data(const Op& op);
  Outcome run_attributes(const Op& op);
  Outcome run_xattrs(const Op& op);
  Outcome fallocate(int fd, const Op& op);
  Outcome map(int fd, const Op& op);
  Outcome list(const Op& op, bool removing);
  int& slot(int index) { return slots_[static_cast<size_t>(index)]; }

  int root_ = -1;
  std::array<int, kSlots> slots_;
};

// Empty if two outcomes are what one file system could have given; else what differs.
std::string difference(const Op& op, const Outcome& left, const Outcome& right);
// The same for attributes alone.
std::string difference(const struct stat& left, const struct stat& right);

// Everything below two directories: names, attributes, contents. Empty if equal.
std::string tree_difference(const std::string& left, const std::string& right);

}  // namespace posix_diff
