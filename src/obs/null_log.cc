#include "obs/log.h"

namespace forebay::obs {
namespace {
class NullLog final : public Log {
 public:
  void write(Level, std::string_view, std::initializer_list<Field>) override {}
};
}  // namespace

Log& null_log() {
  static NullLog log;
  return log;
}

}  // namespace forebay::obs
