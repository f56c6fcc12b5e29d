// One HTTP exchange, between the thread that runs curl and the coroutine that waits for it.
#pragma once

#include <curl/curl.h>

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "async/task.h"
#include "ufs/s3/http.h"

namespace forebay::ufs {

// Shared by the coroutine and the pool's thread. The coroutine fills chunks from the source when curl asks for bytes, and empties
// chunks into the sink; where one has to wait for the other, curl's side pauses and the coroutine's parks. The easy handle
// belongs to the pool's thread from begin() to finish().
class HttpTransfer {
 public:
  HttpTransfer(HttpRequest request, HttpConfig config, Duration within);
  ~HttpTransfer();

  // Coroutine's side.
  enum class Turn { kSource, kSink, kDone };
  Task<Turn> next();                     // what can be done now
  std::pair<uint64_t, size_t> wanted();  // kSource: from where, how many bytes
  void give(uint64_t offset, std::string chunk);
  std::string take();  // kSink
  uint64_t length() const { return length_; }
  const HttpRequest& request() const { return request_; }
  HttpOutcome& outcome() { return outcome_; }  // after kDone
  HttpResponse head() const;                   // status and headers, from the first kSink on
  void abandon();                              // ends as kCancelled, unless it has ended
  bool is_abandoned() const;
  bool asks_for_resume() const;  // curl has paused, and can go on
  bool wants_resume();           // the same, and takes the wish back

  // Pool's side.
  CURL* begin();  // configured; null if curl has no memory
  CURL* easy() const { return easy_; }
  void finish(CURLcode code);
  void fail(HttpTrouble trouble, std::string message);

 private:
  static int on_request(void* self, char* to, char* from, int to_port, int from_port);
  static size_t on_read(char* into, size_t size, size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static size_t on_write(char* from, size_t size, size_t count, void* self);
  static size_t on_header(char* from, size_t size, size_t count, void* self);
  size_t read(char* into, size_t room);
  size_t write(const char* from, size_t length);
  size_t header(std::string_view line);
  bool goes_to_sink() const { return request_.sink && (outcome_.response.status == 200 || outcome_.response.status == 206); }
  void set_request();
  void set_limits();
  void set_tls();
  void notify(std::unique_lock<std::mutex>& lock);
  bool has_arrived() const;
  bool is_ready() const;

  const HttpRequest request_;
  const HttpConfig config_;
  const Duration within_;
  const uint64_t length_;
  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  char error_[CURL_ERROR_SIZE] = {};

  mutable std::mutex mutex_;
  async::Waker waker_;
  bool done_ = false, abandoned_ = false;
  // Outgoing: chunks from the source that curl has not taken; asked for when curl wants its first byte.
  std::deque<std::string> ready_;
  size_t front_used_ = 0;
  uint64_t sent_ = 0, filled_ = 0;
  int requests_ = 0;         // begun, with curl's own repetitions
  bool went_out_ = false;    // the whole of one
  bool is_refused_ = false;  // to curl, which would have repeated it
  bool asks_ = false, paused_send_ = false;
  // Incoming. The last one is handed over when it is worth a change of threads, or when nothing more comes.
  std::deque<std::string> arrived_;
  bool is_long_ = false;  // more came than the first chunk had room for
  bool paused_receive_ = false, resume_ = false;
  size_t header_bytes_ = 0;
  bool too_large_ = false;
  HttpOutcome outcome_;
};

}  // namespace forebay::ufs
