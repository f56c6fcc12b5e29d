// A listening socket of the real operating system.
#pragma once

#include <sys/stat.h>

#include <memory>

#include "async/loop.h"
#include "os/net.h"
#include "os/socket_address.h"

namespace forebay::os {

// Options that every connected stream gets, whichever side made it. Failures are ignored: they cost speed, not correctness.
void tune_stream(int fd, bool is_unix);

// See Listener. Removes its Unix socket file when it closes, unless another listener has put its own there.
class RealListener final : public Listener {
 public:
  static Result<std::unique_ptr<Listener>> open(const Address& at, async::Executor executor);
  ~RealListener() override;

  Task<Result<std::unique_ptr<Connection>>> accept(async::Executor executor_of_connection) override;
  Address address() const override { return state_->address; }
  void close() override { state_->close(); }

  struct State {  // shared with a pending accept, which may outlive the listener by one turn of the loop
    State(const async::Executor& executor, int fd) : descriptor(executor, fd), fd(fd) {}
    ~State() { close(); }
    void close();
    async::Descriptor descriptor;
    const int fd;
    Address address;
    dev_t device = 0;  // of the Unix socket's file
    ino_t inode = 0;
    bool closed = false;
  };
  explicit RealListener(std::shared_ptr<State> state) : state_(std::move(state)) {}

 private:
  std::shared_ptr<State> state_;
};

}  // namespace forebay::os
