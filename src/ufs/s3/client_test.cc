// What the client makes of answers that a real store gives rarely: scripted by a server of our own.
#include "ufs/s3/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <ctime>
#include <thread>

#include "async/loop.h"
#include "os/sim_random.h"
#include "ufs/s3/fake_http.h"
#include "ufs/s3/s3_store.h"
#include "ufs/store_contract.h"

namespace forebay::ufs {
namespace {

const Environment kNothing = [](const std::string&) { return std::nullopt; };

std::string error_document(const std::string& code, const std::string& more = "") {
  return "<Error><Code>" + code + "</Code><Message>because</Message>" + more + "</Error>";
}

// Wall time that is wrong by an offset.
class WrongClock final : public os::Clock {
 public:
  explicit WrongClock(Duration offset) : offset_(offset) {}
  os::Instant now() const override { return os::real_clock().now(); }
  os::WallTime wall_now() const override { return os::real_clock().wall_now() + offset_; }
  Task<bool> sleep_until(os::Instant when, std::stop_token stop) override { return os::real_clock().sleep_until(when, stop); }

 private:
  const Duration offset_;
};

class S3ClientTest : public testing::Test {
 protected:
  ~S3ClientTest() override {
    store_.reset();
    loop_.stop();
    blocking_.stop();
  }
  S3StoreConfig config(const FakeHttp& server) {
    S3StoreConfig config;
    config.client.bucket = "bucket";
    config.client.endpoint = server.endpoint();
    config.client.credentials.given = {
        .access_key = "AKID", .secret_key = Secret("the-secret"), .session_token = Secret("the-token")};
    config.client.first_pause = std::chrono::milliseconds(1);
    config.client.http.stall_timeout = std::chrono::seconds(5);
    return config;
  }
  S3Store& open(S3StoreConfig config) {
    store_ = std::make_unique<S3Store>(env_, std::move(config), kNothing, obs::null_log());
    return *store_;
  }
  template <class T>
  Result<T> run(Task<Result<T>> task) {
    Result<T> result = async::block_on(loop_.executor(), std::move(task));
    if (!result) {
      EXPECT_EQ(result.error().to_string().find("the-secret"), std::string::npos) << result.error().to_string();
      EXPECT_EQ(result.error().to_string().find("the-token"), std::string::npos) << result.error().to_string();
    }
    return result;
  }
  Result<Identity> put(const std::string& content, Call call = {}) {
    TextSource source(content);
    return run(store_->put({"a", stamp_of(content), Condition::absent(), "op"}, &source, call));
  }

  async::Loop loop_{"s3-client"}, blocking_{"blocking"};
  os::Env env_{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "test"};
  std::unique_ptr<S3Store> store_;
};

struct Case {
  int status;
  std::string body;
  Failure of_read, of_write;
  int error;
};

TEST_F(S3ClientTest, says_what_to_do_after_each_kind_of_refusal) {
  const std::vector<Case> cases{
      {412, error_document("PreconditionFailed"), Failure::kConflict, Failure::kConflict, ESTALE},
      {409, error_document("ConditionalRequestConflict"), Failure::kConflict, Failure::kConflict, ESTALE},
      {503, error_document("SlowDown"), Failure::kRetryLater, Failure::kRetryLater, EAGAIN},
      {503, "<html>proxy</html>", Failure::kRetryLater, Failure::kUnknown, 0},
      {500, error_document("InternalError"), Failure::kRetryLater, Failure::kUnknown, 0},
      {307, "", Failure::kRetryLater, Failure::kRetryLater, EAGAIN},
      {502, "", Failure::kRetryLater, Failure::kUnknown, 0},
      {403, error_document("AccessDenied"), Failure::kPermanent, Failure::kPermanent, EACCES},
      {403, error_document("SignatureDoesNotMatch"), Failure::kPermanent, Failure::kPermanent, EACCES},
      {404, error_document("NoSuchBucket"), Failure::kPermanent, Failure::kPermanent, ENXIO},
      {400, error_document("KeyTooLongError"), Failure::kPermanent, Failure::kPermanent, ENAMETOOLONG},
      {400, error_document("EntityTooLarge"), Failure::kPermanent, Failure::kPermanent, EFBIG},
      {400, error_document("InvalidBucketName"), Failure::kPermanent, Failure::kPermanent, EINVAL},
      {400, error_document("InvalidPart"), Failure::kRetryLater, Failure::kRetryLater, EAGAIN},
      {400, error_document("RequestTimeout"), Failure::kRetryLater, Failure::kRetryLater, EAGAIN},
      {501, error_document("NotImplemented"), Failure::kPermanent, Failure::kPermanent, EOPNOTSUPP},
  };
  for (const Case& one : cases) {
    FakeHttp server([&](const FakeRequest&) { return FakeResponse{one.status, one.body, {}}; });
    S3StoreConfig with_breaker = config(server);
    with_breaker.client.breaker.failures = 100;
    open(with_breaker);
    TextSink sink(100);
    Result<ObjectStat> read = run(store_->get("a", {}, {}, &sink, {}));
    Result<Identity> written = put("x");
    ASSERT_FALSE(read || written) << one.body;
    EXPECT_EQ(failure_of(read.error()), one.of_read) << one.body << ": " << read.error().to_string();
    EXPECT_EQ(failure_of(written.error()), one.of_write) << one.body << ": " << written.error().to_string();
    if (one.error != 0) {
      EXPECT_EQ(written.error().error(), one.error) << one.body;
    }
    if (one.of_write == Failure::kPermanent) {
      EXPECT_NE(written.error().message().find("because"), std::string::npos);
    }
    const size_t writes = std::ranges::count_if(server.requests(), [](const FakeRequest& r) { return r.method == "PUT"; });
    EXPECT_EQ(writes, 1u) << one.body;  // never sent twice
  }
}

TEST_F(S3ClientTest, repeats_reads_until_they_succeed) {
  std::atomic<int> calls = 0;
  FakeHttp server([&](const FakeRequest&) {
    if (++calls < 3) return FakeResponse{503, error_document("SlowDown"), {}};
    return FakeResponse{200, "content", {"ETag: \"e\""}};
  });
  open(config(server));
  TextSink sink(100);
  ASSERT_TRUE(run(store_->get("a", {}, {}, &sink, {})));
  EXPECT_EQ(sink.text(), "content");
  EXPECT_EQ(calls, 3);
}

TEST_F(S3ClientTest, an_answer_that_is_lost_is_unknown_and_an_answer_that_is_cut_is_corrupt) {
  FakeHttp server([](const FakeRequest& request) {
    if (request.method == "PUT") return FakeResponse{.hang_up = true};
    return FakeResponse{.status = 200, .body = std::string(1000, 'x'), .headers = {"ETag: \"e\""}, .cut_body = 500};
  });
  open(config(server));
  Result<Identity> written = put("content");
  ASSERT_FALSE(written);
  EXPECT_EQ(failure_of(written.error()), Failure::kUnknown) << written.error().to_string();
  TextSink sink(2000);
  Result<ObjectStat> read = run(store_->get("a", {}, {}, &sink, {}));
  ASSERT_FALSE(read);
  EXPECT_EQ(failure_of(read.error()), Failure::kCorrupt) << read.error().to_string();
  EXPECT_EQ(sink.text(), std::string(500, 'x'));
}

// A connection that served a request before may have been closed while it was idle: curl takes another one then, and would send
// again what may have arrived. The first one can still come to the store, long after the second was answered.
TEST_F(S3ClientTest, what_changes_something_is_not_sent_again_when_its_answer_is_lost) {
  FakeHttp server([](const FakeRequest& request) {
    if (request.method != "GET") return FakeResponse{.hang_up = true};
    return FakeResponse{.body = "<ListPartsResult></ListPartsResult>", .keep_alive = true};
  });
  open(config(server));
  size_t writes = 0;
  auto expect_unknown = [&](const auto& result) {
    ASSERT_FALSE(result);
    EXPECT_EQ(failure_of(result.error()), Failure::kUnknown) << result.error().to_string();
    const size_t sent = std::ranges::count_if(server.requests(), [](const FakeRequest& r) { return r.method != "GET"; });
    EXPECT_EQ(sent, ++writes);
    ASSERT_TRUE(run(store_->list_parts({"a", "id"}, {})));  // the next one finds a connection that was used
  };
  ASSERT_TRUE(run(store_->list_parts({"a", "id"}, {})));
  expect_unknown(run(store_->create_upload({"a", stamp_of(""), "op"}, {})));
  expect_unknown(put("content"));
  expect_unknown(put(std::string(300'000, 'x')));
  expect_unknown(run(store_->remove("a", {}, {})));
}

// What curl hands out at a time is far less than what is worth a write.
TEST_F(S3ClientTest, hands_a_long_answer_over_in_large_pieces) {
  std::string content(16 * kMiB, 'x');
  for (size_t at = 0; at < content.size(); at += 1000) content[at] = static_cast<char>('a' + at / 1000 % 26);
  FakeHttp server([&](const FakeRequest&) { return FakeResponse{200, content, {"ETag: \"e\""}}; });
  open(config(server));
  class Counting final : public BodySink {
   public:
    Task<Result<void>> write(Bytes data) override {
      ++writes;
      text.append(as_text(data));
      co_return Result<void>{};
    }
    size_t writes = 0;
    std::string text;
  } sink;
  ASSERT_TRUE(run(store_->get("a", {}, {}, &sink, {})));
  EXPECT_TRUE(sink.text == content);
  EXPECT_LE(sink.writes, content.size() / (128 * kKiB) + 1);
}

TEST_F(S3ClientTest, a_body_is_sent_once_and_looked_at_before) {
  FakeHttp server([](const FakeRequest&) { return FakeResponse{200, "", {"ETag: \"e\""}}; });
  open(config(server));
  class Counting final : public BodySource {
   public:
    uint64_t length() const override { return kMiB; }
    Task<Result<void>> read(uint64_t, MutableBytes into) override { return fill(into, &sent); }
    Task<Result<void>> examine(uint64_t, MutableBytes into) override { return fill(into, &examined); }
    uint64_t sent = 0, examined = 0;

   private:
    static Task<Result<void>> fill(MutableBytes into, uint64_t* count) {
      std::ranges::fill(into, std::byte{'x'});
      *count += into.size();
      co_return Result<void>{};
    }
  } source;
  ASSERT_TRUE(run(store_->put({"a", stamp_of(""), Condition::absent(), "op"}, &source, {})));
  EXPECT_EQ(source.sent, kMiB);
  EXPECT_EQ(source.examined, kMiB);
}

TEST_F(S3ClientTest, delivers_no_byte_of_another_identity_or_range) {
  FakeHttp server([](const FakeRequest&) { return FakeResponse{200, "everything", {"ETag: \"other\""}}; });
  open(config(server));
  TextSink sink(100);
  EXPECT_EQ(failure_of(run(store_->get("a", {}, Condition::is({"mine"}), &sink, {})).error()), Failure::kConflict);
  EXPECT_EQ(failure_of(run(store_->get("a", {2, 3}, {}, &sink, {})).error()), Failure::kCorrupt);
  EXPECT_EQ(sink.text(), "");
}

// A sign-in page, a load balancer that has nothing behind it: what they say of a key, they say of every key.
TEST_F(S3ClientTest, a_page_of_somebody_in_between_is_no_answer_of_the_store) {
  const std::vector<FakeResponse> pages{
      {200, "<!DOCTYPE html><html><body>Sign in</body></html>", {"Content-Type: text/html"}},
      {200, "\n<HTML>Sign in</HTML>", {"ETag: \"page\""}},
      {403, "<html>not here</html>", {}},
      {404, "<html>default backend - 404</html>", {}},
      {404, "404 page not found\n", {"Content-Type: text/plain"}},
      {302, "<html>moved</html>", {"Location: http://127.0.0.1:9/"}},
  };
  for (const FakeResponse& page : pages) {
    FakeHttp server([&](const FakeRequest&) { return page; });
    S3StoreConfig with_breaker = config(server);
    with_breaker.client.breaker.failures = 100;
    open(with_breaker);
    auto expect = [&](const auto& result, Failure failure) {
      ASSERT_FALSE(result) << page.status << " " << page.body;
      EXPECT_EQ(failure_of(result.error()), failure) << page.status << " " << page.body << ": " << result.error().to_string();
      EXPECT_NE(result.error().message().find("not from the store"), std::string::npos) << result.error().to_string();
    };
    expect(put("x"), Failure::kUnknown);
    expect(run(store_->remove("a", {}, {})), Failure::kUnknown);
    expect(run(store_->create_upload({"a", stamp_of(""), "op"}, {})), Failure::kUnknown);
    expect(run(store_->abort_upload({"a", "id"}, {})), Failure::kUnknown);
    expect(run(store_->list_parts({"a", "id"}, {})), Failure::kRetryLater);
    expect(run(store_->list({}, {})), Failure::kRetryLater);
    if (page.status != 200) {
      TextSink sink(100);
      expect(run(store_->get("a", {}, {}, &sink, {})), Failure::kRetryLater);
    }
    if (page.status == 404) {
      expect(run(store_->head("a", {})), Failure::kRetryLater);
    }
  }
}

TEST_F(S3ClientTest, a_head_that_says_404_is_believed_with_the_stores_mark_or_when_the_listing_says_so_too) {
  std::atomic<bool> is_there = false, is_listing = true, has_mark = false;
  FakeHttp server([&](const FakeRequest& request) {
    FakeResponse missing{404, "", {}};
    if (has_mark) missing.headers.push_back("x-amz-request-id: tx1");
    if (request.method == "HEAD") return missing;
    if (!is_listing) return FakeResponse{404, "<html></html>", {}};
    const std::string entry = is_there ? "<Contents><Key>a</Key><Size>1</Size></Contents>" : "<Contents><Key>ab</Key></Contents>";
    return FakeResponse{200, "<ListBucketResult>" + entry + "</ListBucketResult>", {}};
  });
  open(config(server));
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kNotFound);
  is_there = true;
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kRetryLater);
  is_listing = false;
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kRetryLater);
  is_listing = has_mark = true;
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kNotFound);
}

TEST_F(S3ClientTest, a_page_with_an_etag_is_nobodys_object) {
  std::atomic<bool> is_listing = false, is_there = false;
  const std::string page = "<!doctype html><html></html>";
  FakeHttp server([&](const FakeRequest& request) {
    if (!is_listing || request.target.find("list-type") == std::string::npos)
      return FakeResponse{200, page, {"ETag: \"page\"", "Content-Type: text/html"}};
    const std::string entry = "<Contents><Key>a</Key><Size>" + std::to_string(page.size()) + "</Size></Contents>";
    return FakeResponse{200, "<ListBucketResult>" + (is_there ? entry : "") + "</ListBucketResult>", {}};
  });
  open(config(server));
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kRetryLater);
  is_listing = true;  // every other answer is the store's
  EXPECT_EQ(failure_of(run(store_->head("a", {})).error()), Failure::kRetryLater);
  is_there = true;  // a store without such marks, and an object that somebody else has put there
  EXPECT_TRUE(run(store_->head("a", {})));
}

TEST_F(S3ClientTest, what_is_at_the_key_after_a_put_without_an_etag_is_ours_by_its_stamp_alone) {
  std::string stamp = stamp_of("content").to_text();
  FakeHttp server([&](const FakeRequest& request) {
    if (request.method == "PUT") return FakeResponse{};
    return FakeResponse{200, "", {"ETag: \"there\"", std::string(kStampHeader) + ": " + stamp}};
  });
  open(config(server));
  const Result<Identity> stored = put("content");
  ASSERT_TRUE(stored) << stored.error().to_string();
  EXPECT_EQ(stored->text, "there");
  stamp = stamp_of("what was there before").to_text();
  EXPECT_EQ(failure_of(put("content").error()), Failure::kUnknown);
}

TEST_F(S3ClientTest, takes_no_answer_of_another_length_than_the_range_has) {
  struct Answer {
    int status;
    std::string body, range;
    bool fits = false;
  };
  // Of "0123456789", four bytes from the third on are asked for.
  const std::vector<Answer> answers{
      {206, "2345", "bytes 2-5/10", true}, {206, "2345", "bytes 3-6/10"}, {206, "234567", "bytes 2-7/10"},
      {206, "23", "bytes 2-3/10"},         {206, "23", "bytes 2-5/10"},   {206, "2345xx", "bytes 2-5/10"},
      {206, "23", "bytes 2-3/4", true},    {206, "2345", "bytes 2-5/3"},  {206, "2345", "bytes 2-x/10"},
      {203, "2345", "bytes 2-5/10"},       {204, "", "bytes 2-5/10"},     {200, "0123456789", ""}};
  for (const Answer& answer : answers) {
    FakeHttp server([&](const FakeRequest& request) {
      EXPECT_EQ(request.headers.at("accept-encoding"), "identity");
      return FakeResponse{answer.status, answer.body, {"ETag: \"e\"", "Content-Range: " + answer.range}};
    });
    open(config(server));
    TextSink sink(100);
    const Result<ObjectStat> got = run(store_->get("a", {2, 4}, {}, &sink, {}));
    EXPECT_EQ(got.has_value(), answer.fits) << answer.status << " " << answer.body << " " << answer.range;
    EXPECT_EQ(sink.text(), answer.fits ? answer.body : "");
    if (!got) {
      EXPECT_EQ(failure_of(got.error()), Failure::kCorrupt) << got.error().to_string();
    }
  }
}

TEST_F(S3ClientTest, a_listing_that_does_not_go_on_ends) {
  auto keys = [](const std::string& names) {
    std::string text = "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>T</NextContinuationToken>";
    for (const char name : names) text += std::string("<Contents><Key>") + name + "</Key><Size>1</Size></Contents>";
    return text + "</ListBucketResult>";
  };
  std::atomic<int> calls = 0;
  auto pages_of = [&](FakeHttp::Handler handler) {
    FakeHttp server(std::move(handler));
    open(config(server));
    size_t pages = 0;
    Result<ListPage> page = ListPage{};
    for (std::string cursor; page && pages < 50; ++pages) {
      page = run(store_->list({.prefix = "", .by_directory = false, .start_after = "", .cursor = cursor}, {}));
      if (page) cursor = page->cursor;
    }
    EXPECT_FALSE(page);
    if (!page) {
      EXPECT_EQ(failure_of(page.error()), Failure::kCorrupt);
      EXPECT_NE(page.error().message().find("does not go on"), std::string::npos) << page.error().to_string();
    }
    return pages;
  };
  EXPECT_EQ(pages_of([&](const FakeRequest&) { return FakeResponse{200, keys("ab"), {}}; }), 2u);
  EXPECT_EQ(pages_of([&](const FakeRequest&) { return FakeResponse{200, keys(""), {}}; }), 2u);
  EXPECT_EQ(pages_of([&](const FakeRequest&) { return FakeResponse{200, keys(++calls % 2 ? "ab" : "cd"), {}}; }), 3u);
  FakeHttp uploads([](const FakeRequest&) {
    return FakeResponse{200,
                        "<ListMultipartUploadsResult><IsTruncated>true</IsTruncated><NextKeyMarker>a</NextKeyMarker>"
                        "<NextUploadIdMarker>1</NextUploadIdMarker></ListMultipartUploadsResult>",
                        {}};
  });
  open(config(uploads));
  const Result<UploadsPage> first = run(store_->list_uploads("", "", {}));
  ASSERT_TRUE(first);
  EXPECT_EQ(failure_of(run(store_->list_uploads("", first->cursor, {})).error()), Failure::kCorrupt);
}

TEST_F(S3ClientTest, believes_the_stores_clock) {
  WrongClock wrong(-std::chrono::hours(3));
  os::Env env{wrong, os::real_random(), os::real_files(), os::real_network(), blocking_.executor(), "test"};
  const int64_t now = os::unix_nanos(os::real_clock().wall_now());
  char date[64];
  const std::time_t seconds = now / 1'000'000'000;
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  std::strftime(date, sizeof date, "Date: %a, %d %b %Y %H:%M:%S GMT", &parts);
  const std::string good = amz_date(os::from_unix_nanos(now)).substr(0, 11);
  FakeHttp server([&](const FakeRequest& request) {
    const bool is_right = request.headers.at("x-amz-date").starts_with(good);
    if (!is_right) return FakeResponse{403, error_document("RequestTimeTooSkewed"), {date}};
    return FakeResponse{200, "", {"ETag: \"e\"", date}};
  });
  S3Store store(env, config(server), kNothing, obs::null_log());
  TextSource source("x");
  Result<Identity> stored = run(store.put({"a", stamp_of("x"), {}, "op"}, &source, {}));
  EXPECT_TRUE(stored) << stored.error().to_string();
  EXPECT_LE(server.requests().size(), 2u);
}

TEST_F(S3ClientTest, signs_for_the_region_that_the_store_names) {
  FakeHttp server([](const FakeRequest& request) {
    const bool is_right = request.headers.at("authorization").find("/eu-west-1/s3/") != std::string::npos;
    if (!is_right) return FakeResponse{400, error_document("AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"), {}};
    return FakeResponse{200, "", {"ETag: \"e\""}};
  });
  open(config(server));
  EXPECT_TRUE(put("x"));
  EXPECT_TRUE(put("y"));
  EXPECT_EQ(server.requests().size(), 3u);  // told once
}

TEST_F(S3ClientTest, opens_its_breaker_and_lets_one_probe_find_that_the_store_is_back) {
  std::atomic<bool> is_up = false;
  FakeHttp server([&](const FakeRequest&) {
    if (!is_up) return FakeResponse{503, error_document("SlowDown"), {}};
    return FakeResponse{200, "", {"ETag: \"e\""}};
  });
  S3StoreConfig settings = config(server);
  settings.client.breaker = {.failures = 3, .first_pause = std::chrono::milliseconds(50)};
  open(settings);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(failure_of(put("x").error()), Failure::kRetryLater);
  EXPECT_LE(server.requests().size(), 10u);
  is_up = true;
  Result<Identity> stored = put("x");
  for (int i = 0; i < 5000 && !stored; ++i) {
    struct Pause {
      static Task<Result<void>> run() {
        (void)co_await os::real_clock().sleep(std::chrono::milliseconds(5), {});
        co_return Result<void>{};
      }
    };
    ASSERT_TRUE(run(Pause::run()));
    stored = put("x");
  }
  EXPECT_TRUE(stored);
}

TEST_F(S3ClientTest, an_error_inside_a_good_answer_to_a_completion_is_an_error) {
  FakeHttp server([](const FakeRequest&) { return FakeResponse{200, error_document("InternalError"), {}}; });
  open(config(server));
  Result<Identity> completed = run(store_->complete_upload({"a", "id"}, {{1, 0, 1, "t"}}, {}, {}));
  ASSERT_FALSE(completed);
  EXPECT_EQ(failure_of(completed.error()), Failure::kUnknown);
}

TEST_F(S3ClientTest, tells_a_missing_key_from_a_missing_upload) {
  std::atomic<bool> is_there = true;
  FakeHttp server([&](const FakeRequest& request) {
    if (request.method == "POST") return FakeResponse{404, error_document(is_there ? "NoSuchKey" : "NoSuchUpload"), {}};
    if (is_there) return FakeResponse{200, "<ListPartsResult></ListPartsResult>", {}};
    return FakeResponse{404, error_document("NoSuchUpload"), {}};
  });
  open(config(server));
  auto complete = [&] { return run(store_->complete_upload({"a", "id"}, {{1, 0, 1, "t"}}, Condition::is({"e"}), {})); };
  EXPECT_EQ(failure_of(complete().error()), Failure::kConflict);
  is_there = false;
  EXPECT_EQ(failure_of(complete().error()), Failure::kNotFound);
}

TEST_F(S3ClientTest, a_conditional_removal_of_nothing_succeeds_though_the_store_refuses_it) {
  FakeHttp server([](const FakeRequest& request) {
    if (request.method == "DELETE") return FakeResponse{412, error_document("PreconditionFailed"), {}};
    if (request.method == "HEAD") return FakeResponse{404, "", {}};
    return FakeResponse{200, "<ListBucketResult></ListBucketResult>", {}};
  });
  open(config(server));
  EXPECT_TRUE(run(store_->remove("a", Condition::is({"e"}), {})));
}

TEST_F(S3ClientTest, is_left_at_the_deadline_and_by_the_token) {
  auto hung = std::make_shared<async::detail::Latch>();
  FakeHttp server([hung](const FakeRequest&) {
    hung->wait();
    return FakeResponse{.hang_up = true};
  });
  open(config(server));
  Result<Identity> late = put("x", {.deadline = os::real_clock().now() + std::chrono::milliseconds(100)});
  ASSERT_FALSE(late);
  EXPECT_EQ(failure_of(late.error()), Failure::kUnknown) << late.error().to_string();
  std::stop_source stop;
  std::jthread stopper([&] { stop.request_stop(); });
  Result<Identity> stopped = put("x", {.stop = stop.get_token()});
  ASSERT_FALSE(stopped);
  EXPECT_EQ(failure_of(stopped.error()), Failure::kCancelled) << stopped.error().to_string();
  hung->open();
}

TEST_F(S3ClientTest, refuses_what_is_too_large_before_it_sends_anything) {
  class Huge final : public BodySource {
   public:
    uint64_t length() const override { return 6 * kGiB; }
    Task<Result<void>> read(uint64_t, MutableBytes) override { co_return broken("never read"); }
  };
  FakeHttp server([](const FakeRequest&) { return FakeResponse{}; });
  open(config(server));
  Huge huge;
  EXPECT_EQ(run(store_->put({"a", stamp_of(""), {}, "op"}, &huge, {})).error().error(), EFBIG);
  EXPECT_EQ(run(store_->put_part({"a", "id"}, 1, 0, &huge, {})).error().error(), EFBIG);
  EXPECT_EQ(run(store_->put_part({"a", "id"}, 10'001, 0, &huge, {})).error().error(), E2BIG);
  EXPECT_EQ(run(store_->head(std::string(1025, 'k'), {})).error().error(), ENAMETOOLONG);
  EXPECT_TRUE(server.requests().empty());
}

TEST(CircuitBreaker, doubles_its_pauses_and_lets_one_call_through) {
  class Time final : public os::Clock {
   public:
    os::Instant now() const override { return at; }
    os::WallTime wall_now() const override { return {}; }
    Task<bool> sleep_until(os::Instant, std::stop_token) override { co_return true; }
    os::Instant at{std::chrono::hours(1)};
  } time;
  os::SimRandom random(1);
  CircuitBreaker breaker(time, random, {.failures = 2});
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(breaker.enter("s"));
    breaker.failed("a page");
  }
  EXPECT_TRUE(breaker.is_open());
  const Result<void> refused = breaker.enter("s");
  EXPECT_EQ(refused.error().code(), Code::kBusy);
  EXPECT_NE(refused.error().message().find("(a page)"), std::string::npos) << refused.error().to_string();
  time.at += std::chrono::milliseconds(1300);  // a second and its jitter
  ASSERT_TRUE(breaker.enter("s"));
  EXPECT_FALSE(breaker.enter("s"));  // one only
  breaker.failed();
  time.at += std::chrono::milliseconds(1300);
  EXPECT_FALSE(breaker.enter("s"));  // two seconds now
  time.at += std::chrono::milliseconds(1300);
  ASSERT_TRUE(breaker.enter("s"));
  breaker.left();  // a cancelled probe is none
  ASSERT_TRUE(breaker.enter("s"));
  breaker.succeeded();
  EXPECT_FALSE(breaker.is_open());
  EXPECT_TRUE(breaker.enter("s"));
}

}  // namespace
}  // namespace forebay::ufs
