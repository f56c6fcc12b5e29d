// Keeps the processes of a local cluster running.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cli/local/directory.h"
#include "cli/local/pid_file.h"
#include "cli/local/role_process.h"
#include "config/settings.h"

namespace forebay::cli {

// The process behind `forebay local run`. One thread; blocks in run() until SIGTERM or SIGINT, then ends the roles in the
// opposite order of their start and returns. A role that dies is started again within a second (later and later when it keeps
// dying). If the supervisor itself is killed the roles go on; the next one takes them over. After every change it writes
// run/state.json.
class Supervisor {
 public:
  static Result<std::unique_ptr<Supervisor>> make(Directory directory, const config::Settings& settings, obs::Log& log);
  ~Supervisor();
  // 0 after an orderly stop; kInvalid when a role cannot be started at all, with its last words (the others are stopped).
  Result<void> run();

 private:
  Supervisor(Directory directory, const config::Settings& settings, obs::Log& log, std::unique_ptr<PidFile> pid_file);
  Result<void> bring_up();
  Result<void> bring_up(std::string_view kind);  // every role whose name begins so, until all are ready
  Result<void> wait_until_ready(RoleProcess& role);
  Result<void> keep();
  void stop_all();
  void stop_role(RoleProcess& role);
  // Waits for a signal or a death, at most so long; looks at every role. True: asked to stop.
  bool turn(int timeout_ms);
  void write_state(const std::string& phase, const std::string& problem);

  const Directory directory_;
  const config::Settings settings_;
  obs::Log& log_;
  std::unique_ptr<PidFile> pid_file_;
  std::vector<RoleProcess> roles_;
  std::string mount_, ufs_, mapping_;
  int signals_ = -1;
  bool stopping_ = false;
  std::string last_state_;
};

// Makes what the local cluster needs in the namespace: /cache-only, writable for everybody as /tmp is (mode 1777).
Result<void> prepare_namespace(const config::Settings& settings);

}  // namespace forebay::cli
