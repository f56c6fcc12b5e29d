// A line on the terminal that shows how far a long command is.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

namespace forebay::cli {

// Counts done() and shows them on standard error, four times a second, from the second second on, and only on a terminal. Any
// thread.
class Progress {
 public:
  explicit Progress(std::string what, bool quiet = false);
  ~Progress();  // takes the line away
  void expect(uint64_t bytes, uint64_t items) {
    expected_bytes_ += bytes;
    expected_items_ += items;
  }
  void done(uint64_t bytes, uint64_t items) {
    bytes_ += bytes;
    items_ += items;
  }
  uint64_t bytes() const { return bytes_; }
  uint64_t items() const { return items_; }
  double seconds() const;

 private:
  void draw() const;
  void run(std::stop_token stop);

  const std::string what_;
  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::atomic<uint64_t> expected_bytes_{0}, expected_items_{0}, bytes_{0}, items_{0};
  std::jthread thread_;  // last: it uses what is above
};

}  // namespace forebay::cli
