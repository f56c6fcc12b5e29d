// A master in a process of its own.
#pragma once

#include <sys/types.h>

#include <string>

#include "os/net.h"

namespace forebay::perf {

// Forks; the child serves the metadata below `directory` on a free port of this host until it is killed. To be made while this
// process has one thread. Killed by the destructor.
class MasterProcess {
 public:
  explicit MasterProcess(const std::string& directory);
  ~MasterProcess() { kill(); }
  MasterProcess(const MasterProcess&) = delete;
  MasterProcess& operator=(const MasterProcess&) = delete;

  os::Address address() const { return {.host = "127.0.0.1", .port = port_}; }
  void send_kill() const;  // SIGKILL; any thread
  void kill();             // and waits for its end; idempotent

 private:
  pid_t child_ = -1;
  uint16_t port_ = 0;
};

}  // namespace forebay::perf
