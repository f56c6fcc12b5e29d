// The network of the simulation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "os/descriptor_table.h"
#include "os/history.h"
#include "os/link_policy.h"
#include "os/net.h"
#include "os/virtual_time.h"

namespace forebay::os {

class MemoryStream;

struct MemoryNetConfig {
  size_t pipe_bytes = 256 << 10;  // sent and not read yet, in each direction; then the writer waits
  size_t segment_bytes = 64 << 10;
  size_t backlog = 128;  // connections not accepted yet; more are refused
  Duration resend_first = std::chrono::milliseconds(200), resend_most = std::chrono::seconds(3);
  Duration give_up = std::chrono::seconds(20);  // a segment that was lost for so long breaks its connection, at the sender
};

// The wires, ports and Unix socket paths of all simulated hosts. Owned by the world; outlives the networks and connections on it.
// One thread: that of the world's loop.
class MemoryWires {
 public:
  MemoryWires(VirtualTime& time, LinkPolicy& policy, std::shared_ptr<DescriptorTable> descriptors, History* history = nullptr,
              MemoryNetConfig config = {});
  ~MemoryWires();
  MemoryWires(const MemoryWires&) = delete;
  MemoryWires& operator=(const MemoryWires&) = delete;

  // A host without power answers nothing, not even with a refusal.
  void set_down(const std::string& host, bool down);
  size_t open_streams() const;

 private:
  friend class MemoryNetwork;
  friend class MemoryStream;
  friend class MemoryConnection;
  friend class MemoryListener;
  struct Port;
  using PortKey = std::pair<std::string, Address>;  // host, address with an empty host name

  VirtualTime& time_;
  LinkPolicy& policy_;
  const std::shared_ptr<DescriptorTable> descriptors_;  // shared by everything in one simulation
  History* const history_;
  const MemoryNetConfig config_;
  std::map<PortKey, std::shared_ptr<Port>> ports_;  // shared with listeners
  std::set<std::string> down_;
  std::vector<std::weak_ptr<MemoryStream>> streams_;
  uint16_t next_port_ = 40'000;
};

// Network of one process on one host. "host:port" reaches the host of that name; 127.0.0.1, localhost and 0.0.0.0 are the own
// one. Descriptors pass between processes of one host, duplicated. crash() is the death of the process: its listeners and
// connections are closed as the kernel does it; with `silently` nothing is sent, as when the machine loses power. Everything
// fails afterwards. One thread.
class MemoryNetwork final : public Network {
 public:
  MemoryNetwork(MemoryWires& wires, std::string host);
  ~MemoryNetwork() override;

  Task<Result<std::unique_ptr<Connection>>> connect(Address to, Instant deadline) override;
  Result<std::unique_ptr<Listener>> listen(const Address& at, async::Executor executor) override;

  void crash(bool silently = false);

 private:
  friend class MemoryListener;
  friend class MemoryConnection;
  struct Process;
  std::string host_of(const Address& address) const;
  static void close_port(MemoryWires::Port& port);

  MemoryWires& wires_;
  const std::string host_;
  const std::shared_ptr<Process> process_;  // shared with its listeners and connections, which outlive it at times
};

}  // namespace forebay::os
