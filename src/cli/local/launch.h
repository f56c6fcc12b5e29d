// Starting, stopping and describing a local cluster from outside its supervisor.
#pragma once

#include <memory>
#include <string>

#include "cli/local/directory.h"
#include "cli/local/plan.h"
#include "cli/output.h"
#include "config/settings.h"

namespace forebay::cli {

// Absolute and made if missing; errors name it and say what to do.
Result<Directory> make_directory(const std::string& path);
Result<Directory> find_directory(const std::string& path);  // has to be there

// Held while a command decides whether to start or stop; others wait for it.
class StartLock {
 public:
  static Result<std::unique_ptr<StartLock>> take(const Directory& directory);
  ~StartLock();

 private:
  explicit StartLock(int fd) : fd_(fd) {}
  const int fd_;
};

// Waits for processes of this cluster that were killed a moment ago: not quite gone, they hold their ports and count as running.
void wait_for_deaths(const Directory& directory);

// Everything that would keep the cluster from starting, checked before anything is started: directories, ports, disk, mount
// point, FUSE.
Result<void> check_before_start(const Directory& directory, const config::Settings& settings);

bool supervisor_runs(const Directory& directory);

// Starts the supervisor in the background and waits until it serves; when it cannot, its problem is the error, and nothing is
// left running. Progress goes to standard error on a terminal.
Result<Json> start_in_background(const Directory& directory);

// Stops supervisor and roles, also roles whose supervisor is gone. True: there was something to stop.
Result<bool> stop(const Directory& directory);

// What state.json says, corrected by who lives, and who answers when asked now; {"phase": "stopped"} without a supervisor. Key
// "serves": all roles answer. A role that is ready for the supervisor and does not is "silent".
Json status_of(const Directory& directory);

std::string status_table(const Directory& directory, const Json& status);

}  // namespace forebay::cli
