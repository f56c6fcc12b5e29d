// Where a measurement is taken.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/endpoint.h"

namespace forebay::cli {

enum class MissingParent : uint8_t {
  kRefuse,  // a directory of this host: what is missing may be a mount, and measuring the disk below it says nothing
  kMake,    // with those above it
};

// A fresh directory, with one directory in it for each thread, and the way to it. The destructor removes it with all that is in
// it, and of those made above it the ones in which nobody else has anything, unless it is kept; what cannot be removed is named
// on standard error. Any thread.
class BenchPlace {
 public:
  static Result<std::unique_ptr<BenchPlace>> make(std::unique_ptr<Endpoint> endpoint, const std::string& parent, int threads,
                                                  bool keep, MissingParent missing);
  ~BenchPlace();
  Endpoint& files() { return *endpoint_; }
  const std::string& directory() const { return directory_; }
  std::string file(int thread, uint64_t number) const;  // a name of its own for each pair

 private:
  BenchPlace(std::unique_ptr<Endpoint> endpoint, std::string directory, bool keep)
      : endpoint_(std::move(endpoint)), directory_(std::move(directory)), keep_(keep) {}
  Result<void> make_parent(const std::string& parent);
  Result<void> make_own(int threads);
  Result<void> remove_below(const std::string& directory);
  Result<void> remove_parents();

  const std::unique_ptr<Endpoint> endpoint_;
  const std::string directory_;
  const bool keep_;
  bool is_made_ = false;              // the directory
  std::vector<std::string> parents_;  // made for it, the uppermost first
};

}  // namespace forebay::cli
