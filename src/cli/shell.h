// What every command shares: the options that all have, the settings, the connection to the cluster.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "async/loop.h"
#include "cli/command.h"
#include "cli/output.h"
#include "client/client.h"
#include "config/load.h"

namespace forebay::cli {

struct GlobalOptions {
  std::string conf;                  // forebay.toml; empty: where it is found
  std::vector<std::string> defines;  // key=value
  Output output = Output::kTable;
  bool verbose = false;
};

// One per process, owned by run_forebay(); used by one thread, but for wait(), which any thread may call after client(). Settings
// are read and the client is connected when a command first asks for them.
class Shell {
 public:
  using Body = std::function<Result<int>(Shell&)>;  // the exit code

  Shell();
  ~Shell();

  GlobalOptions& options() { return options_; }
  bool json() const { return options_.output == Output::kJson; }

  // `body` runs when `command` was chosen on the command line.
  void on(Command command, Body body);
  int run();                // what was chosen; prints its error; the exit code
  int end(int code) const;  // the same code, if everything printed could be written

  // Warnings go to standard error, once.
  Result<const config::Settings*> settings(config::Role role = config::Role::kClient);
  Result<client::Client*> client();
  template <class T>
  T wait(Task<T> task) {
    return async::block_on(loop_->executor(), std::move(task));
  }
  async::Executor executor() const { return loop_->executor(); }  // after client()
  os::Env& env() { return *env_; }                                // after client()
  // After client(), also where it has failed: who may have answered; empty if it was not asked.
  const std::vector<os::Address>& masters() const { return masters_; }

  // Whose permissions apply: forebay.client.user, else the user who runs the command.
  const client::Identity& who() const { return who_; }

  // Prints the error with the object it is about; the command goes on and ends with kExitPartial.
  void fail(const Status& status);
  // Success, or what fail() left.
  int exit_code() const { return failures_ == 0 ? 0 : failures_ == 1 && single_ ? first_failure_ : 4; }
  // One object was asked for: its failure is the command's.
  void single_object(bool single) { single_ = single; }

 private:
  Result<void> connect(const config::Settings& settings);
  Result<void> choose_identity(const config::Settings& settings);
  void print_error(const Status& status) const;

  GlobalOptions options_;
  Body chosen_;
  std::optional<config::Loaded> loaded_;
  std::unique_ptr<async::Loop> loop_, blocking_;
  std::unique_ptr<os::Env> env_;
  std::unique_ptr<client::Client> client_;
  std::vector<os::Address> masters_;
  client::Identity who_;
  int failures_ = 0, first_failure_ = 0;
  bool single_ = false;
};

}  // namespace forebay::cli
