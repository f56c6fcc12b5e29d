// SHA-256 and what request signing makes of it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace forebay::ufs {

// Incremental; finish() once. Not shared between threads.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  void update(Bytes data);
  std::string finish();  // 32 raw bytes

 private:
  struct State;
  std::unique_ptr<State> state_;
};

std::string sha256_hex(std::string_view text);
std::string hmac_sha256(std::string_view key, std::string_view text);  // 32 raw bytes
std::string hex(std::string_view bytes);                               // lower case

}  // namespace forebay::ufs
