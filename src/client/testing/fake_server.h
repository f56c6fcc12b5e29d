// A role that does what a test tells it, behind the real protocol.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "forebay/v1/namespace.rpc.h"
#include "forebay/v1/worker.rpc.h"
#include "os/simulation.h"
#include "rpc/server.h"

namespace forebay::client {

// Calls are counted by method. A scripted fault meets the next call of its method: refused before it is executed, executed with
// its reply lost, or made to wait. One thread: the simulation's.
class FakeServer {
 public:
  explicit FakeServer(std::shared_ptr<os::SimProcess> process) : process_(std::move(process)), env_(process_->env()) {}
  virtual ~FakeServer() = default;

  void refuse(const std::string& method, Status with) { faults_[method].push_back({with, false, {}}); }
  void lose_reply(const std::string& method) { faults_[method].push_back({{}, true, {}}); }
  void delay(const std::string& method, Duration by) { faults_[method].push_back({{}, false, by}); }
  // Every call of the method, until it is cleared by a null function.
  void always(const std::string& method, std::function<std::optional<Status>()> fault) { always_[method] = std::move(fault); }
  int calls(const std::string& method) const {
    auto found = calls_.find(method);
    return found == calls_.end() ? 0 : found->second;
  }
  os::SimProcess& process() { return *process_; }
  os::Env& env() { return env_; }
  Result<os::Address> listen(const os::Address& at) {
    if (!server_) {
      server_ = std::make_unique<rpc::Server>(env_, router_, rpc::ServerConfig{}, std::vector{env_.blocking}, nullptr);
    }
    return server_->listen(at);
  }
  static Task<bool> stop(FakeServer* self) {
    if (self->server_) co_await self->server_->stop();
    co_return true;
  }

 protected:
  template <class M>
  using Function = std::function<Result<rpc::Answer<typename M::Reply>>(const rpc::Call&, const typename M::Request&)>;
  template <class M>
  void on(Function<M> function) {
    router_.handle<M>([this, function](rpc::Call call, typename M::Request request) {
      return run<M>(this, function, std::move(call), std::move(request));
    });
  }
  // Around the function: a stored outcome, a check of the session.
  virtual std::optional<Status> admit(const rpc::Method&, const v1::RequestContext&) { return std::nullopt; }
  virtual std::optional<std::string> outcome(const v1::RequestContext&) { return std::nullopt; }
  virtual void remember(const v1::RequestContext&, std::string /*reply*/) {}

 private:
  struct Fault {
    std::optional<Status> refusal;
    bool lose_reply = false;
    Duration delay{};
  };

  template <class M>
  static Task<Result<rpc::Answer<typename M::Reply>>> run(FakeServer* self, Function<M> function, rpc::Call call,
                                                          typename M::Request request) {
    const std::string name(M::kMethod.name);
    ++self->calls_[name];
    Fault fault = self->next_fault(name);
    if (fault.delay != Duration{}) co_await self->env_.clock.sleep(fault.delay, {});
    if (fault.refusal) co_return std::unexpected(*fault.refusal);
    if (std::optional<Status> refused = self->admit(M::kMethod, call.context)) co_return std::unexpected(*refused);
    typename M::Reply stored;
    if (std::optional<std::string> known = self->outcome(call.context); known && stored.ParseFromString(*known)) {
      co_return rpc::Answer<typename M::Reply>(std::move(stored));
    }
    Result<rpc::Answer<typename M::Reply>> answer = function(call, request);
    if (answer) self->remember(call.context, answer->message.SerializeAsString());
    if (fault.lose_reply) co_return unknown_outcome("the reply is lost");
    co_return answer;
  }
  Fault next_fault(const std::string& method) {
    if (auto always = always_.find(method); always != always_.end() && always->second) {
      if (std::optional<Status> refusal = always->second()) return {refusal, false, {}};
    }
    std::deque<Fault>& faults = faults_[method];
    if (faults.empty()) return {};
    Fault fault = std::move(faults.front());
    faults.pop_front();
    return fault;
  }

  const std::shared_ptr<os::SimProcess> process_;  // shared with the world's list

 protected:
  os::Env& env_;

 private:
  rpc::Router router_;
  std::unique_ptr<rpc::Server> server_;
  std::map<std::string, std::deque<Fault>> faults_;
  std::map<std::string, std::function<std::optional<Status>()>> always_;
  std::map<std::string, int> calls_;
};

}  // namespace forebay::client
