// What many coroutines ask at about the same time, asked in few calls.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "async/sync.h"
#include "async/task.h"
#include "base/status.h"

namespace forebay::coordinator {

// One call is under way at a time; whoever asks meanwhile goes with the next one, in order. So nobody waits for company, and the
// more there are, the fewer calls they take. A failure of the call is everybody's who went with it. Owned by whoever sends; on
// one executor. After stop() everything ends with `cancelled`. Holds no more than there are callers.
template <class Request, class Reply>
class Together {
 public:
  using Replies = Result<std::vector<Result<Reply>>>;  // as many as were sent, in their order
  using Send = std::function<Task<Replies>(std::vector<Request>, std::stop_token)>;
  struct Limits {
    size_t requests = 64, bytes = 1'000'000;  // of one call; one request may be longer
  };
  Together(async::Executor executor, Limits limits, Send send)
      : scope_(std::move(executor)), limits_(limits), send_(std::move(send)) {}

  Task<Result<Reply>> ask(Request request) {
    auto answer = std::make_shared<Answer>();
    waiting_.push_back({std::move(request), answer});
    if (!sending_) {
      sending_ = true;
      if (!scope_.spawn(send_all(this, scope_.token()))) end_all();
    }
    co_return co_await answer->wait();
  }
  Task<void> stop() {
    co_await scope_.stop();
    end_all();
  }

 private:
  using Answer = async::OneShot<Result<Reply>>;
  struct Waiting {
    Request request;
    std::shared_ptr<Answer> answer;  // shared with the coroutine that waits
  };

  static Task<void> send_all(Together* self, std::stop_token stop) {
    while (!self->waiting_.empty() && !stop.stop_requested()) {
      std::vector<Request> requests;
      std::vector<std::shared_ptr<Answer>> answers = self->take(&requests);
      Task<Replies> sending = self->send_(std::move(requests), stop);
      Replies replies = co_await std::move(sending);
      if (replies && replies->size() != answers.size()) replies = std::unexpected(broken("not all requests were answered"));
      for (size_t i = 0; i < answers.size(); ++i) {
        answers[i]->set(replies ? std::move((*replies)[i]) : Result<Reply>(std::unexpected(replies.error())));
      }
    }
    self->sending_ = false;
    if (stop.stop_requested()) self->end_all();
  }

  std::vector<std::shared_ptr<Answer>> take(std::vector<Request>* requests) {
    std::vector<std::shared_ptr<Answer>> answers;
    for (size_t bytes = 0; !waiting_.empty() && answers.size() < limits_.requests;) {
      Waiting& next = waiting_.front();
      bytes += next.request.ByteSizeLong();
      if (!answers.empty() && bytes > limits_.bytes) break;
      requests->push_back(std::move(next.request));
      answers.push_back(std::move(next.answer));
      waiting_.pop_front();
    }
    return answers;
  }

  void end_all() {
    sending_ = false;
    for (Waiting& each : std::exchange(waiting_, {})) each.answer->set(std::unexpected(cancelled("the coordinator stops")));
  }

  async::Scope scope_;
  const Limits limits_;
  const Send send_;
  std::deque<Waiting> waiting_;
  bool sending_ = false;
};

}  // namespace forebay::coordinator
