#include <sys/random.h>

#include <cerrno>

#include "base/check.h"
#include "os/random.h"

namespace forebay::os {
namespace {

// Not buffered: a buffer would be handed to both sides of a fork(), and two processes would draw the same ids.
class RealRandom final : public Random {
 public:
  uint64_t next() override {
    uint64_t value = 0;
    ssize_t got = 0;
    do {
      got = getrandom(&value, sizeof value, 0);
    } while (got < 0 && errno == EINTR);
    FOREBAY_CHECK(got == sizeof value, "the kernel gives random bytes");
    return value;
  }
};

}  // namespace

Random& real_random() {
  static RealRandom random;
  return random;
}

}  // namespace forebay::os
