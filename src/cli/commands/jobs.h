// Jobs as the job commands show them.
#pragma once

#include "cli/format.h"
#include "cli/persist/control.h"

namespace forebay::cli {

inline std::string job_progress(const v1::Job& job) {
  if (job.size() == 0) return "-";
  return format_human(std::min(job.bytes_done(), job.size())) + " of " + format_human(job.size());
}

inline std::string job_state(const v1::Job& job) { return job.state() + (job.error().empty() ? "" : " (" + job.error() + ")"); }

inline Json job_json(const v1::Job& job, const MountNames& names) {
  return {{"job", job.operation()},     {"kind", std::string(kind_name(job.kind()))},
          {"state", job.state()},       {"key", names.path(job.mount(), job.key())},
          {"inode", job.inode()},       {"size", job.size()},
          {"done", job.bytes_done()},   {"worker", job.worker()},
          {"attempts", job.attempts()}, {"started", format_iso_time(job.started_ns())},
          {"error", job.error()},       {"trace", job.trace()}};
}

}  // namespace forebay::cli
