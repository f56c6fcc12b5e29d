// The real log: JSON lines to a file or to standard error.
#pragma once

#include <memory>
#include <string>

#include "base/status.h"
#include "base/units.h"
#include "obs/log.h"

namespace forebay::obs {

struct LogConfig {
  std::string role;                // in every line: "master", "worker", …
  std::string path;                // empty: standard error
  Level level = Level::kInfo;      // less important lines are dropped
  uint64_t max_bytes = 64 * kMiB;  // a file that would grow beyond it is renamed to path.1 (.2, …)
  size_t max_old_files = 4;        // older ones are removed
};

// One line a record: {"time":"2024-05-01T12:00:00.000001Z","level":"info","role":"master","message":…,fields…}. A trace id is the
// field "trace". Text values longer than 4 KiB are cut, bytes that are no UTF-8 are replaced. Written before write() returns; an
// error of the medium drops the line.
Result<std::unique_ptr<Log>> open_log(const LogConfig& config);

Result<Level> parse_level(std::string_view name);  // debug, info, warning, error

// The line that open_log's logs write for a record, without its end.
std::string json_line(std::string_view time, Level level, std::string_view role, std::string_view message,
                      std::initializer_list<Field> fields);

}  // namespace forebay::obs
