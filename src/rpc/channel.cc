#include "rpc/channel.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "async/sync.h"
#include "base/check.h"
#include "rpc/channel_link.h"
#include "rpc/frame.h"

namespace forebay::rpc {
namespace {

constexpr Duration kMaxReconnectPause = std::chrono::seconds(2);

}  // namespace

// Everything below the inbox happens on the channel's executor.
struct Channel::State final : std::enable_shared_from_this<State>, ChannelLink::Events {
  State(os::Env& e, os::Address to, ChannelConfig c, async::Executor x)
      : env(e), address(std::move(to)), config(c), executor(std::move(x)) {}

  // -- any thread --
  void submit(PendingCall* call) {
    {
      std::lock_guard lock(mutex);
      inbox.push_back(call);
      if (std::exchange(turn_posted, true)) return;
    }
    // Behind everything that is ready now: calls that are made together leave together.
    async::post(executor, [self = shared_from_this()] { self->turn(); });
  }
  // If the call has not been submitted yet, the flag is seen then; if it has, its turn comes before this one.
  void give_up(PendingCall& call) {
    call.abandoned = true;
    async::post(executor, [self = shared_from_this(), ticket = call.ticket] { self->cancel(ticket); });
  }

  // -- the channel's executor --
  void turn();
  void advance();
  void cancel(uint64_t ticket);
  void fail_waiting(const Error& why);
  void arm(os::Instant deadline);
  void expire();
  void connect_failed(const Status& why);
  bool accept(PendingCall* call);
  void end_task();
  void link_has_room() override;
  void link_lost(ChannelLink& lost) override;
  void link_ended() override { end_task(); }
  static Task<void> connect(std::shared_ptr<State> self);
  static Task<void> watch_deadlines(std::shared_ptr<State> self, os::Instant until, std::stop_token stop);
  static Task<bool> shut_down(std::shared_ptr<State> self);

  os::Env& env;
  const os::Address address;
  const ChannelConfig config;
  const async::Executor executor;
  std::atomic<uint64_t> tickets = 0;

  std::mutex mutex;
  std::vector<PendingCall*> inbox;  // guarded by mutex
  bool turn_posted = false;         // guarded by mutex

  std::vector<PendingCall*> arrived;  // kept for its memory
  std::deque<PendingCall*> waiting;   // for the connection, or for room on it
  std::shared_ptr<ChannelLink> link;
  bool connecting = false, stopped = false;
  int failures = 0;  // in a row
  os::Instant retry_at{};
  Error last_failure = elsewhere("not connected");
  os::Instant armed_until = os::Instant::max();  // when the deadlines are looked at next
  std::stop_source watcher;
  int tasks = 0;
  async::Event ended;
};

void Channel::State::turn() {
  arrived.clear();
  {
    std::lock_guard lock(mutex);
    arrived.swap(inbox);
    turn_posted = false;
  }
  for (PendingCall* call : arrived)
    if (accept(call)) waiting.push_back(call);
  advance();
}

// False: it has been answered.
bool Channel::State::accept(PendingCall* call) {
  if (stopped) {
    call->resolve(cancelled("the channel to " + address.to_string() + " was stopped"));
  } else if (waiting.size() >= config.max_waiting) {
    call->resolve(busy("too many calls wait for " + address.to_string()));
  } else if (call->abandoned) {
    call->resolve(cancelled("the caller gave up"));
  } else {
    arm(call->deadline);
    return true;
  }
  return false;
}

void Channel::State::advance() {
  if (link) {
    bool issued = false;
    while (!waiting.empty() && link->has_room()) {
      link->issue(waiting.front());
      waiting.pop_front();
      issued = true;
    }
    if (issued) std::shared_ptr(link)->flush();  // which may lose it
    return;
  }
  if (waiting.empty() || stopped || connecting) return;
  if (env.clock.now() < retry_at) return fail_waiting(last_failure);
  connecting = true;
  ++tasks;
  async::spawn_detached(executor, connect(shared_from_this()));
}

Task<void> Channel::State::connect(std::shared_ptr<State> self) {
  os::Instant deadline = self->env.clock.now() + self->config.connect_timeout;
  Task<Result<std::unique_ptr<os::Connection>>> connecting = self->env.network.connect(self->address, deadline);
  Result<std::unique_ptr<os::Connection>> connection = co_await std::move(connecting);
  self->connecting = false;
  if (self->stopped) {
    if (connection) (*connection)->close();
  } else if (!connection) {
    self->connect_failed(connection.error());
  } else {
    self->link = std::make_shared<ChannelLink>(self->env, self->config, self->executor, std::move(*connection), self);
    ++self->tasks;
    self->link->start();
    self->advance();
  }
  self->end_task();
}

void Channel::State::connect_failed(const Status& why) {
  last_failure = elsewhere(why.message(), why.error());
  retry_at = env.clock.now() + std::min(config.reconnect_pause * (1 << std::min(failures, 16)), kMaxReconnectPause);
  ++failures;
  fail_waiting(last_failure);
}

void Channel::State::fail_waiting(const Error& why) {
  std::deque<PendingCall*> calls = std::exchange(waiting, {});
  for (PendingCall* call : calls) call->resolve(why);
}

void Channel::State::link_has_room() {
  if (!waiting.empty()) advance();
}

void Channel::State::link_lost(ChannelLink& lost) {
  if (lost.has_answered()) {
    failures = 0;
    retry_at = {};
  } else if (!stopped) {
    connect_failed(elsewhere("the connection to " + address.to_string() + " was lost before its first answer").error());
  }
  link = nullptr;
  if (!stopped) advance();
}

void Channel::State::cancel(uint64_t ticket) {
  Error why = cancelled("the caller gave up");
  auto named = std::find_if(waiting.begin(), waiting.end(), [&](const PendingCall* call) { return call->ticket == ticket; });
  if (named != waiting.end()) {
    PendingCall* call = *named;
    waiting.erase(named);
    call->resolve(why);
  } else if (PendingCall* call = link ? link->find_ticket(ticket) : nullptr) {
    std::shared_ptr(link)->withdraw(call, why);
  }
}

// One sleeper for all calls. It is replaced only when a call with an earlier deadline comes, so usually it wakes at the deadline
// of a call that has long ended, and looks for the next.
void Channel::State::arm(os::Instant deadline) {
  if (deadline >= armed_until) return;
  watcher.request_stop();
  watcher = std::stop_source();
  armed_until = deadline;
  ++tasks;
  async::spawn_detached(executor, watch_deadlines(shared_from_this(), deadline, watcher.get_token()));
}

Task<void> Channel::State::watch_deadlines(std::shared_ptr<State> self, os::Instant until, std::stop_token stop) {
  Task<bool> sleeping = self->env.clock.sleep_until(until, stop);
  bool slept = co_await std::move(sleeping);
  if (slept && !stop.stop_requested()) {
    self->armed_until = os::Instant::max();
    self->expire();
  }
  self->end_task();
}

void Channel::State::expire() {
  os::Instant now = env.clock.now();
  std::deque<PendingCall*> calls = std::exchange(waiting, {});
  for (PendingCall* call : calls) {
    if (call->deadline > now) {
      waiting.push_back(call);
    } else if (link) {
      call->resolve(busy("too many calls are ahead on the connection to " + address.to_string()));
    } else {
      call->resolve(elsewhere("not connected to " + address.to_string() + " in time", ETIMEDOUT));
    }
  }
  if (std::shared_ptr<ChannelLink> current = link) current->expire(now);
  os::Instant earliest = link ? link->earliest_deadline() : os::Instant::max();
  for (const PendingCall* call : waiting) earliest = std::min(earliest, call->deadline);
  arm(earliest);
  advance();
}

Task<bool> Channel::State::shut_down(std::shared_ptr<State> self) {
  self->stopped = true;
  ++self->tasks;
  Error why = cancelled("the channel to " + self->address.to_string() + " was stopped");
  self->turn();
  self->fail_waiting(why);
  if (std::shared_ptr<ChannelLink> current = self->link) current->close(why.error());
  self->watcher.request_stop();
  self->end_task();
  Task<void> waiting = self->ended.wait();
  co_await std::move(waiting);
  co_return true;
}

void Channel::State::end_task() {
  if (--tasks == 0 && stopped) ended.set();
}

Channel::Channel(os::Env& env, os::Address to, ChannelConfig config, async::Executor executor)
    : state_(std::make_shared<State>(env, std::move(to), config, std::move(executor))) {}

Channel::~Channel() {
  FOREBAY_CHECK(state_->tickets == 0 || state_->ended.is_set(), "a channel is destroyed before it was stopped");
}

const os::Address& Channel::address() const { return state_->address; }

Task<void> Channel::stop() {
  std::shared_ptr<State> state = state_;
  Task<bool> stopping = async::run_on(state->executor, State::shut_down(state));
  co_await std::move(stopping);
}

Task<Result<RawReply>> Channel::call_raw(Method method, std::string message, CallOptions options) {
  std::shared_ptr<State> state = state_;
  if (message.size() > state->config.max_message_bytes || options.payload.size() > method.max_payload)
    co_return rejected(EMSGSIZE, std::string(method.name) + ": the request is larger than the protocol carries");
  PendingCall call;
  call.method = method;
  call.context = options.context.SerializeAsString();
  if (call.context.size() > kMaxContext)
    co_return rejected(EMSGSIZE, std::string(method.name) + ": the identity has too many groups");
  call.message = std::move(message);
  call.payload = options.payload;
  call.deadline = state->env.clock.now() + options.timeout.value_or(std::chrono::milliseconds(method.deadline_ms));
  call.ticket = ++state->tickets;
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  if (options.stop.stop_possible()) on_stop.emplace(options.stop, [&call, state] { state->give_up(call); });
  Task<void> parked = async::park([&](async::Waker waker) {
    call.waker = std::move(waker);
    state->submit(&call);
  });
  co_await std::move(parked);
  co_return std::move(call.result);
}

Error Channel::malformed_reply(const Method& method) const {
  return unknown_outcome(address().to_string() + ": the reply to " + std::string(method.name) + " cannot be parsed", EPROTO);
}

}  // namespace forebay::rpc
