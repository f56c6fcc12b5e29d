// MD5, for comparing content with md5sum; not for anything that an adversary may choose.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/status.h"

namespace forebay::cli {

class Md5 {
 public:
  static Result<Md5> make();  // an error where this host's policy forbids MD5
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;
  ~Md5();
  void add(Bytes data);
  std::string finish();  // 32 hexadecimal digits; once

 private:
  struct State;
  explicit Md5(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace forebay::cli
