// The yardstick of rpc_bench: the same exchanges by bare system calls, no protocol.
#pragma once

#include <cstddef>
#include <string>
#include <thread>

namespace forebay::perf {

// A server thread behind one connected socket, either kind. Ends when the client's end is closed.
class PlainSockets {
 public:
  enum class Kind { kTcp, kUnix };
  enum class Work {
    kEcho,   // epoll, then answers as many bytes as came
    kStore,  // blocking reads of 1 MiB, each written to the file, one byte back for each
  };
  PlainSockets(Kind kind, Work work, const std::string& file = {});
  ~PlainSockets();
  void exchange(size_t bytes);  // sends and waits for as many
  void send(const char* data, size_t size);
  void wait_for(size_t bytes);

 private:
  void echo();
  void store();
  int client_ = -1, server_ = -1, file_ = -1;
  std::thread thread_;
};

}  // namespace forebay::perf
