#include "ufs/s3/http_transfer.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstring>

#include "base/check.h"

namespace forebay::ufs {
namespace {

constexpr size_t kChunks = 2;  // in each direction
constexpr size_t kFirstChunk = 64 << 10;

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) text.remove_prefix(1);
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) text.remove_suffix(1);
  return text;
}

HttpTrouble trouble_of(CURLcode code) {
  switch (code) {
    case CURLE_OK: return HttpTrouble::kNone;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return HttpTrouble::kNotConnected;
    case CURLE_OPERATION_TIMEDOUT: return HttpTrouble::kTimedOut;
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_INVALIDCERTSTATUS: return HttpTrouble::kTls;
    case CURLE_PARTIAL_FILE: return HttpTrouble::kTruncated;
    default: return HttpTrouble::kBroken;
  }
}

}  // namespace

HttpTransfer::HttpTransfer(HttpRequest request, HttpConfig config, Duration within)
    : request_(std::move(request)),
      config_(std::move(config)),
      within_(within),
      length_(request_.body ? request_.body->length() : request_.text.size()) {
  if (!request_.body) {
    ready_.push_back(request_.text);
    filled_ = length_;
  }
}

HttpTransfer::~HttpTransfer() {
  if (easy_) curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
}

// The coroutine's side.

// What curl hands out is what the socket had: on a fast connection some ten KiB, for which coroutine, disk and this would wake
// each other a hundred thousand times for 1 GB.
bool HttpTransfer::has_arrived() const {
  if (arrived_.empty()) return false;
  return done_ || paused_receive_ || arrived_.size() > 1 || arrived_.front().size() >= config_.chunk_bytes / 8 * 7;
}

bool HttpTransfer::is_ready() const {
  if (done_ || has_arrived()) return true;
  return asks_ && !abandoned_ && ready_.size() < kChunks && filled_ < length_;
}

Task<HttpTransfer::Turn> HttpTransfer::next() {
  for (;;) {
    {
      std::lock_guard lock(mutex_);
      if (has_arrived()) co_return Turn::kSink;
      if (done_) co_return Turn::kDone;
      if (is_ready()) co_return Turn::kSource;
    }
    co_await async::park([this](async::Waker waker) {
      std::unique_lock lock(mutex_);
      if (!is_ready()) {
        waker_ = std::move(waker);
        return;
      }
      lock.unlock();
      waker();
    });
  }
}

std::pair<uint64_t, size_t> HttpTransfer::wanted() {
  std::lock_guard lock(mutex_);
  return {filled_, std::min<uint64_t>(config_.chunk_bytes, length_ - filled_)};
}

void HttpTransfer::give(uint64_t offset, std::string chunk) {
  std::lock_guard lock(mutex_);
  if (offset != filled_) return;  // curl began again meanwhile
  filled_ += chunk.size();
  ready_.push_back(std::move(chunk));
  if (paused_send_) resume_ = true;
}

std::string HttpTransfer::take() {
  std::lock_guard lock(mutex_);
  std::string chunk = std::move(arrived_.front());
  arrived_.pop_front();
  if (paused_receive_) resume_ = true;
  return chunk;
}

HttpResponse HttpTransfer::head() const {
  std::lock_guard lock(mutex_);
  return {.status = outcome_.response.status, .headers = outcome_.response.headers};
}

void HttpTransfer::abandon() {
  std::lock_guard lock(mutex_);
  abandoned_ = true;
}

bool HttpTransfer::is_abandoned() const {
  std::lock_guard lock(mutex_);
  return abandoned_;
}

bool HttpTransfer::asks_for_resume() const {
  std::lock_guard lock(mutex_);
  return resume_;
}

bool HttpTransfer::wants_resume() {
  std::lock_guard lock(mutex_);
  const bool wish = std::exchange(resume_, false);
  if (wish) paused_send_ = paused_receive_ = false;
  return wish;
}

void HttpTransfer::notify(std::unique_lock<std::mutex>& lock) {
  if (!waker_ || !is_ready()) return;
  async::Waker waker = std::exchange(waker_, nullptr);
  lock.unlock();
  waker();
}

// The pool's side.

CURL* HttpTransfer::begin() {
  easy_ = curl_easy_init();
  if (!easy_) return nullptr;
  set_request();
  set_limits();
  set_tls();
  return easy_;
}

void HttpTransfer::set_request() {
  curl_easy_setopt(easy_, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PATH_AS_IS, 1L);  // keys may hold "/../": it was signed so
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);  // another host needs another signature
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "forebay");
  curl_easy_setopt(easy_, CURLOPT_PROXY, config_.proxy.c_str());
  // A server that refuses says so after the headers; waiting for its consent would cost every request a round trip.
  header_list_ = curl_slist_append(header_list_, "Expect:");
  for (const auto& [name, value] : request_.headers)
    header_list_ = curl_slist_append(header_list_, (name + ": " + value).c_str());
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (request_.sends_body) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(length_));
  }
  if (request_.method != "HEAD") curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  curl_easy_setopt(easy_, CURLOPT_PREREQFUNCTION, &HttpTransfer::on_request);
  curl_easy_setopt(easy_, CURLOPT_PREREQDATA, this);
  curl_easy_setopt(easy_, CURLOPT_READFUNCTION, &HttpTransfer::on_read);
  curl_easy_setopt(easy_, CURLOPT_READDATA, this);
  curl_easy_setopt(easy_, CURLOPT_SEEKFUNCTION, &HttpTransfer::on_seek);
  curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, &HttpTransfer::on_write);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, &HttpTransfer::on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_);
  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
}

void HttpTransfer::set_limits() {
  using std::chrono::duration_cast, std::chrono::milliseconds, std::chrono::seconds;
  auto at_least_one = [](auto count) { return std::max<long>(1, static_cast<long>(count)); };
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_TIMEOUT_MS, at_least_one(duration_cast<milliseconds>(within_).count()));
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, at_least_one(duration_cast<milliseconds>(config_.connect_timeout).count()));
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, at_least_one(duration_cast<seconds>(config_.stall_timeout).count()));
  curl_easy_setopt(easy_, CURLOPT_MAXAGE_CONN, at_least_one(duration_cast<seconds>(config_.idle_timeout).count()));
  curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE,
                   static_cast<long>(std::clamp<size_t>(config_.chunk_bytes, 16 << 10, 2 << 20)));
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, static_cast<long>(std::clamp<size_t>(config_.chunk_bytes, 16 << 10, 512 << 10)));
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
}

void HttpTransfer::set_tls() {
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, config_.verify_tls ? 1L : 0L);
  curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, config_.verify_tls ? 2L : 0L);
  if (!config_.ca_file.empty()) curl_easy_setopt(easy_, CURLOPT_CAINFO, config_.ca_file.c_str());
}

void HttpTransfer::finish(CURLcode code) {
  curl_off_t before_request = 0;
  curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &before_request);
  HttpTrouble trouble = trouble_of(code);
  std::string message = error_[0] ? error_ : curl_easy_strerror(code);
  std::unique_lock lock(mutex_);
  if (too_large_) trouble = HttpTrouble::kTooLarge;
  if (abandoned_ && trouble != HttpTrouble::kNone) trouble = HttpTrouble::kCancelled;
  if (too_large_) message = "the answer is too large";
  if (is_refused_) message = "the connection broke before the answer came";
  outcome_.trouble = trouble;
  outcome_.message = std::move(message);
  outcome_.may_have_arrived = is_refused_ || (before_request > 0 && sent_ == length_);
  done_ = true;
  notify(lock);
}

void HttpTransfer::fail(HttpTrouble trouble, std::string message) {
  std::unique_lock lock(mutex_);
  curl_off_t before_request = 0;
  if (easy_) curl_easy_getinfo(easy_, CURLINFO_PRETRANSFER_TIME_T, &before_request);
  outcome_.trouble = trouble;
  outcome_.message = std::move(message);
  outcome_.may_have_arrived = before_request > 0 && sent_ == length_;
  done_ = true;
  notify(lock);
}

// Before each request of the transfer, on whatever connection.
int HttpTransfer::on_request(void* self, char*, char*, int, int) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  std::lock_guard lock(transfer->mutex_);
  const bool is_first = ++transfer->requests_ == 1, went_out = transfer->went_out_;
  if (transfer->length_ == 0) transfer->went_out_ = true;
  transfer->is_refused_ = !is_first && went_out && transfer->request_.once;
  return transfer->is_refused_ ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

size_t HttpTransfer::on_read(char* into, size_t size, size_t count, void* self) {
  return static_cast<HttpTransfer*>(self)->read(into, size * count);
}

size_t HttpTransfer::read(char* into, size_t room) {
  std::unique_lock lock(mutex_);
  if (abandoned_) return CURL_READFUNC_ABORT;
  if (sent_ == length_) return 0;
  asks_ = true;
  if (ready_.empty()) {
    paused_send_ = true;
    notify(lock);
    return CURL_READFUNC_PAUSE;
  }
  const std::string& front = ready_.front();
  const size_t piece = std::min(room, front.size() - front_used_);
  std::copy_n(front.data() + front_used_, piece, into);
  front_used_ += piece;
  sent_ += piece;
  went_out_ = went_out_ || sent_ == length_;
  if (front_used_ == front.size()) {
    ready_.pop_front();
    front_used_ = 0;
    notify(lock);
  }
  return piece;
}

// A connection that was closed while it was idle shows so only when it is used: curl takes another one and begins again.
int HttpTransfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto* transfer = static_cast<HttpTransfer*>(self);
  if (offset != 0 || origin != SEEK_SET) return CURL_SEEKFUNC_CANTSEEK;
  std::lock_guard lock(transfer->mutex_);
  transfer->ready_.clear();
  transfer->front_used_ = 0;
  transfer->sent_ = transfer->filled_ = 0;
  if (!transfer->request_.body) {
    transfer->ready_.push_back(transfer->request_.text);
    transfer->filled_ = transfer->length_;
  }
  return CURL_SEEKFUNC_OK;
}

size_t HttpTransfer::on_write(char* from, size_t size, size_t count, void* self) {
  return static_cast<HttpTransfer*>(self)->write(from, size * count);
}

size_t HttpTransfer::write(const char* from, size_t length) {
  std::unique_lock lock(mutex_);
  if (abandoned_) return 0;  // anything but `length` ends the transfer
  if (!goes_to_sink()) {
    std::string& text = outcome_.response.text;
    if (length > config_.text_bytes - std::min(config_.text_bytes, text.size())) {
      too_large_ = true;
      return 0;
    }
    text.append(from, length);
    return length;
  }
  if (arrived_.size() >= kChunks && arrived_.back().size() + length > config_.chunk_bytes) {
    paused_receive_ = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (arrived_.empty() || arrived_.back().size() + length > config_.chunk_bytes) {
    const size_t expected = is_long_ ? config_.chunk_bytes : std::min(config_.chunk_bytes, kFirstChunk);
    arrived_.emplace_back();
    arrived_.back().reserve(std::max(length, expected));
  }
  std::string& last = arrived_.back();
  // Room that grows step by step has what is there copied at each.
  is_long_ = is_long_ || last.size() + length > kFirstChunk;
  if (is_long_) last.reserve(config_.chunk_bytes);
  last.append(from, length);
  notify(lock);
  return length;
}

size_t HttpTransfer::on_header(char* from, size_t size, size_t count, void* self) {
  return static_cast<HttpTransfer*>(self)->header({from, size * count});
}

size_t HttpTransfer::header(std::string_view line) {
  std::lock_guard lock(mutex_);
  header_bytes_ += line.size();
  if (header_bytes_ > config_.header_bytes) {
    too_large_ = true;
    return 0;
  }
  HttpResponse& response = outcome_.response;
  if (line.starts_with("HTTP/")) {
    response = {};  // an interim answer came before
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) std::from_chars(line.data() + space + 1, line.data() + line.size(), response.status);
    return line.size();
  }
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return line.size();
  std::string name(line.substr(0, colon));
  for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  response.headers.insert_or_assign(std::move(name), std::string(trim(line.substr(colon + 1))));
  return line.size();
}

}  // namespace forebay::ufs
