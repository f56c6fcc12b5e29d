// Where faults enter: every call through a faulty seam asks first what is to happen.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <string_view>

namespace forebay::os {

// One call of a role to the outside. `name` is what fault plans and counters go by: "file.write", "net.connect", "kv.sync".
struct SeamCall {
  std::string_view name;
  std::string_view object;  // a path, or the other end
  uint64_t bytes = 0;
};

// What happens instead of the plain call, or beside it.
struct SeamFate {
  static constexpr uint64_t kAll = std::numeric_limits<uint64_t>::max();

  int error = 0;               // the call fails with it (a connection breaks) …
  uint64_t done_bytes = 0;     // … after so many bytes were written (kAll: after it was done altogether)
  bool lie = false;            // the call does nothing and answers success (syncs)
  int flip_bit = -1;           // this bit of the bytes read or written is inverted
  std::function<void()> then;  // runs after that and before the caller learns the outcome: the process dies here

  bool is_plain() const { return error == 0 && !lie && flip_bit < 0 && !then; }
};

// Asked on the thread that makes the call. Outlives the seams that ask it.
class SeamWatch {
 public:
  virtual ~SeamWatch() = default;
  virtual SeamFate before(const SeamCall& call) = 0;
};

// Counts the calls whose name begins with `prefix` and gives the n-th (from 1; 0: none) the fate given: the tool of the two
// sweeps, "fail the n-th call for n = 1, 2, 3 … until the scenario passes untouched", and the same with a crash.
class SeamSweep final : public SeamWatch {
 public:
  SeamSweep(uint64_t n, SeamFate fate, std::string prefix = "") : n_(n), fate_(std::move(fate)), prefix_(std::move(prefix)) {}

  SeamFate before(const SeamCall& call) override;
  bool was_reached() const { return n_ != 0 && seen_ >= n_; }
  uint64_t seen() const { return seen_; }
  const std::string& at() const { return at_; }  // the call that was hit: "file.write /a"

 private:
  const uint64_t n_;
  const SeamFate fate_;
  const std::string prefix_;
  uint64_t seen_ = 0;
  std::string at_;
};

}  // namespace forebay::os
