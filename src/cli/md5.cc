#include "cli/md5.h"

#include <openssl/evp.h>

#include <array>
#include <cstdio>

#include "base/check.h"

namespace forebay::cli {

struct Md5::State {
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Md5::Md5(std::unique_ptr<State> state) : state_(std::move(state)) {}
Md5::Md5(Md5&&) noexcept = default;
Md5& Md5::operator=(Md5&&) noexcept = default;
Md5::~Md5() = default;

Result<Md5> Md5::make() {
  auto state = std::make_unique<State>();
  if (!state->context || EVP_DigestInit_ex(state->context, EVP_md5(), nullptr) != 1)
    return rejected(EOPNOTSUPP, "MD5 is not allowed on this host");
  return Md5(std::move(state));
}

void Md5::add(Bytes data) { FOREBAY_CHECK(EVP_DigestUpdate(state_->context, data.data(), data.size()) == 1, "MD5 goes on"); }

std::string Md5::finish() {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned length = 0;
  FOREBAY_CHECK(EVP_DigestFinal_ex(state_->context, digest.data(), &length) == 1 && length == 16, "MD5 ends");
  std::string text;
  for (unsigned i = 0; i < length; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", digest[i]);
    text += digits;
  }
  return text;
}

}  // namespace forebay::cli
