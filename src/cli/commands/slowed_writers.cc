#include "cli/commands/slowed_writers.h"

#include "base/units.h"
#include "cli/format.h"

namespace forebay::cli {

std::string slowed_writers_line(const v1::IntakeReport& intake) {
  if (!intake.slowed()) return "not slowed";
  return "slowed to " + format_rate(intake.bytes_per_second(), 1) + " together (" + std::to_string(intake.writers()) +
         " clients) for " + format_duration(std::chrono::seconds(intake.since_ms() / 1000)) + ": workers have " +
         format_human(intake.room_bytes()) + " left";
}

Json slowed_writers_json(const v1::IntakeReport& intake) {
  return {{"slowed", intake.slowed()},         {"bytes_per_second", intake.bytes_per_second()},
          {"clients", intake.writers()},       {"since_seconds", static_cast<double>(intake.since_ms()) / 1000},
          {"room_bytes", intake.room_bytes()}, {"waited_seconds", static_cast<double>(intake.waited_ms()) / 1000}};
}

}  // namespace forebay::cli
