#include "ufs/s3/http.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <mutex>
#include <set>
#include <thread>

#include "base/check.h"
#include "ufs/s3/http_transfer.h"

namespace forebay::ufs {
namespace {

constexpr size_t kShortBody = 64 << 10;

// Once in a process, before the first thread that uses curl.
void prepare_curl() {
  static const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
  FOREBAY_CHECK(code == CURLE_OK, "libcurl is usable");
}

}  // namespace

const std::string& HttpResponse::header(const std::string& name) const {
  static const std::string none;
  auto found = headers.find(name);
  return found == headers.end() ? none : found->second;
}

using TransferPtr = std::shared_ptr<HttpTransfer>;  // shared by the waiting coroutine and the pool

struct HttpClient::Pool {
  explicit Pool(HttpConfig c) : config(std::move(c)) {
    prepare_curl();
    multi = curl_multi_init();
    FOREBAY_CHECK(multi != nullptr, "libcurl has memory");
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, static_cast<long>(config.connections));
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, static_cast<long>(config.connections));
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, static_cast<long>(CURLPIPE_NOTHING));
  }
  ~Pool() { curl_multi_cleanup(multi); }

  enum class What { kBegin, kLook };  // kLook: resumed or abandoned
  // False after stop().
  bool tell(What what, TransferPtr transfer) {
    {
      std::lock_guard lock(mutex);
      if (stopping) return false;
      told.emplace_back(what, std::move(transfer));
    }
    curl_multi_wakeup(multi);
    return true;
  }

  void run() {
    for (;;) {
      std::deque<std::pair<What, TransferPtr>> now;
      {
        std::lock_guard lock(mutex);
        now.swap(told);
        if (stopping && now.empty()) break;
      }
      for (auto& [what, transfer] : now) what == What::kBegin ? begin(std::move(transfer)) : look(transfer);
      int running = 0;
      curl_multi_perform(multi, &running);
      collect();
      curl_multi_poll(multi, nullptr, 0, 1000, nullptr);
    }
    while (!active.empty()) end(*active.begin(), HttpTrouble::kCancelled, "stopped");
  }

  void begin(TransferPtr transfer) {
    if (transfer->is_abandoned()) return transfer->fail(HttpTrouble::kCancelled, "cancelled");
    CURL* easy = transfer->begin();
    if (!easy || curl_multi_add_handle(multi, easy) != CURLM_OK) return transfer->fail(HttpTrouble::kNotConnected, "no memory");
    active.insert(std::move(transfer));
  }

  void look(const TransferPtr& transfer) {
    if (!active.contains(transfer)) return;
    if (transfer->is_abandoned()) return end(transfer, HttpTrouble::kCancelled, "cancelled");
    if (transfer->wants_resume()) curl_easy_pause(transfer->easy(), CURLPAUSE_CONT);
  }

  void end(TransferPtr transfer, HttpTrouble trouble, std::string message) {
    curl_multi_remove_handle(multi, transfer->easy());
    transfer->fail(trouble, std::move(message));
    active.erase(transfer);
  }

  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      CURL* easy = message->easy_handle;
      auto found = std::ranges::find_if(active, [&](const TransferPtr& transfer) { return transfer->easy() == easy; });
      FOREBAY_CHECK(found != active.end(), "a transfer ends once");
      curl_multi_remove_handle(multi, easy);
      TransferPtr transfer = std::move(active.extract(found).value());
      transfer->finish(code);
    }
  }

  const HttpConfig config;
  CURLM* multi = nullptr;
  std::mutex mutex;
  std::deque<std::pair<What, TransferPtr>> told;  // bounded by the calls that wait
  bool stopping = false;
  std::set<TransferPtr> active;  // of the thread alone; order does not matter
  std::thread thread;
};

HttpClient::HttpClient(HttpConfig config) : pool_(std::make_shared<Pool>(std::move(config))) {
  pool_->thread = std::thread([pool = pool_.get()] { pool->run(); });
}

HttpClient::~HttpClient() { stop(); }

void HttpClient::stop() {
  {
    std::lock_guard lock(pool_->mutex);
    pool_->stopping = true;
  }
  curl_multi_wakeup(pool_->multi);
  if (pool_->thread.joinable()) pool_->thread.join();
}

Task<HttpOutcome> HttpClient::send(HttpRequest request, Accept accept, Duration within, std::stop_token stop) {
  const std::shared_ptr<Pool> pool = pool_;
  auto transfer = std::make_shared<HttpTransfer>(std::move(request), pool->config, within);
  HttpOutcome refused;
  refused.trouble = HttpTrouble::kCancelled;
  refused.message = "stopped";
  // A short body is at hand when it is asked for: to send for it then would cost a turn of the pool's thread and one of this.
  const auto [begin, first] = transfer->wanted();
  if (transfer->request().body && first != 0 && first <= kShortBody) {
    std::string chunk(first, '\0');
    Result<void> read = co_await transfer->request().body->read(begin, std::as_writable_bytes(std::span(chunk)));
    if (!read) {
      refused.trouble = HttpTrouble::kBody;
      refused.body_error = std::move(read).error();
      co_return refused;
    }
    transfer->give(begin, std::move(chunk));
  }
  if (!pool->tell(Pool::What::kBegin, transfer)) co_return refused;
  auto abandon = [pool, transfer] {
    transfer->abandon();
    pool->tell(Pool::What::kLook, transfer);
  };
  std::stop_callback on_stop(stop, abandon);
  std::optional<Status> body_error;
  bool is_accepted = !accept;
  uint64_t delivered = 0;
  for (;;) {
    const HttpTransfer::Turn turn = co_await transfer->next();
    if (turn == HttpTransfer::Turn::kDone) break;
    Result<void> moved;
    if (turn == HttpTransfer::Turn::kSource) {
      const auto [offset, length] = transfer->wanted();
      std::string chunk(length, '\0');
      if (!body_error) moved = co_await transfer->request().body->read(offset, std::as_writable_bytes(std::span(chunk)));
      if (moved) transfer->give(offset, std::move(chunk));
    } else {
      if (!is_accepted && !body_error) moved = accept(transfer->head());
      is_accepted = is_accepted || moved;
      const std::string chunk = transfer->take();
      if (moved && !body_error) {
        moved = co_await transfer->request().sink->write(as_bytes(chunk));
        if (moved) delivered += chunk.size();
      }
    }
    if (!moved && !body_error) {
      body_error = std::move(moved).error();
      abandon();
    } else if (transfer->asks_for_resume()) {
      pool->tell(Pool::What::kLook, transfer);
    }
  }
  HttpOutcome outcome = std::move(transfer->outcome());
  const bool has_content = outcome.response.status == 200 || outcome.response.status == 206;
  if (!is_accepted && !body_error && outcome.trouble == HttpTrouble::kNone && has_content) {
    if (Result<void> fits = accept(outcome.response); !fits) body_error = std::move(fits).error();
  }
  outcome.delivered = delivered;
  if (body_error) {
    outcome.trouble = HttpTrouble::kBody;
    outcome.body_error = std::move(body_error);
  }
  co_return outcome;
}

}  // namespace forebay::ufs
