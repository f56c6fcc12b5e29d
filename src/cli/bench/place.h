// Where a measurement is taken.
#pragma once

#include <memory>
#include <string>

#include "cli/endpoint.h"

namespace forebay::cli {

// A fresh directory, with one directory in it for each thread, and the way to it. The destructor removes it with all that is in
// it, unless it is kept; what cannot be removed is named on standard error. Any thread.
class BenchPlace {
 public:
  static Result<std::unique_ptr<BenchPlace>> make(std::unique_ptr<Endpoint> endpoint, const std::string& parent, int threads,
                                                  bool keep);
  ~BenchPlace();
  Endpoint& files() { return *endpoint_; }
  const std::string& directory() const { return directory_; }
  std::string file(int thread, uint64_t number) const;  // a name of its own for each pair

 private:
  BenchPlace(std::unique_ptr<Endpoint> endpoint, std::string directory, bool keep)
      : endpoint_(std::move(endpoint)), directory_(std::move(directory)), keep_(keep) {}
  Result<void> remove_below(const std::string& directory);

  const std::unique_ptr<Endpoint> endpoint_;
  const std::string directory_;
  const bool keep_;
};

}  // namespace forebay::cli
