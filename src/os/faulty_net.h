// Connections that break when told to.
#pragma once

#include <memory>

#include "os/net.h"
#include "os/seam_watch.h"

namespace forebay::os {

// Hands every call to `inner` unless the watch says otherwise: "net.connect", "net.accept", "net.read", "net.write". A failed
// call closes its connection. Both outlive it and what it made. Runs where `inner` runs.
class FaultyNetwork final : public Network {
 public:
  FaultyNetwork(Network& inner, SeamWatch& watch) : inner_(inner), watch_(watch) {}

  Task<Result<std::unique_ptr<Connection>>> connect(Address to, Instant deadline) override;
  Result<std::unique_ptr<Listener>> listen(const Address& at, async::Executor executor) override;

 private:
  Network& inner_;
  SeamWatch& watch_;
};

}  // namespace forebay::os
