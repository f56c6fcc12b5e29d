// The contract of under stores on a real S3 server: rgw.sh runs this program with its endpoint in the environment.
#include <cstdlib>
#include <iostream>

#include "async/loop.h"
#include "ufs/open.h"
#include "ufs/s3/s3_store.h"
#include "ufs/store_contract.h"
#include "ufs/transfer.h"

namespace forebay::ufs {
namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

constexpr const char* kBucket = "contract";

// One process's loops, for all tests.
struct Process {
  async::Loop loop{"s3"}, blocking{"blocking", 2};
  os::Env env{os::real_clock(), os::real_random(), os::real_files(), os::real_network(), blocking.executor(), "test"};
  Capabilities known;  // of the server, found once

  StoreOptions options(bool tls = false) const {
    StoreOptions options{{"endpoint", variable(tls ? "FOREBAY_S3_TLS_ENDPOINT" : "FOREBAY_S3_ENDPOINT")},
                         {"access-key", variable("FOREBAY_S3_ACCESS_KEY")},
                         {"secret-key", variable("FOREBAY_S3_SECRET_KEY")}};
    if (tls) options["ca-file"] = variable("FOREBAY_S3_CA_FILE");
    return options;
  }
  std::unique_ptr<UnderStore> open(const std::string& uri, const StoreOptions& options) {
    auto opened = open_under_store(uri, options, env, obs::null_log());
    EXPECT_TRUE(opened) << opened.error().to_string();
    return opened ? *std::move(opened) : nullptr;
  }
  template <class T>
  T run(Task<T> task) {
    return async::block_on(loop.executor(), std::move(task));
  }
};

Process* process = nullptr;

class Gateway final : public testing::Environment {
 public:
  void SetUp() override {
    ASSERT_FALSE(variable("FOREBAY_S3_ENDPOINT").empty()) << "run by tests/system/rgw.sh";
    process = new Process;
    S3ClientConfig config{.bucket = kBucket, .endpoint = variable("FOREBAY_S3_ENDPOINT")};
    config.credentials.given = {.access_key = variable("FOREBAY_S3_ACCESS_KEY"),
                                .secret_key = Secret(variable("FOREBAY_S3_SECRET_KEY"))};
    S3Client client(process->env, config, process_environment(), obs::null_log());
    S3Request make{.method = "PUT", .sends_body = true, .writes = true, .doing = "make the bucket"};
    Result<HttpResponse> made = process->run(client.send(make, {}));
    ASSERT_TRUE(made) << made.error().to_string();
    auto store = process->open(std::string("s3://") + kBucket, process->options());
    Result<Capabilities> known = process->run(store->probe({}));
    ASSERT_TRUE(known) << known.error().to_string();
    process->known = *known;
    std::cout << "capabilities: " << known->to_text() << "\n";
    for (const std::string& sentence : known->lost()) std::cout << "lost: " << sentence << "\n";
  }
  void TearDown() override {
    if (!process) return;
    process->loop.stop();
    process->blocking.stop();
    delete process;
    process = nullptr;
  }
};
const auto* const kGateway = testing::AddGlobalTestEnvironment(new Gateway);

class S3World final : public StoreWorld {
 public:
  explicit S3World(bool tls) {
    static int worlds = 0;
    const std::string prefix = "world-" + std::to_string(++worlds);
    StoreOptions options = process->options(tls);
    options["capabilities"] = process->known.to_text();
    store_ = process->open("s3://" + std::string(kBucket) + "/" + prefix, options);
    other_ = process->open("s3://" + std::string(kBucket) + "/" + prefix, options);
    S3StoreConfig plain{.client = {.bucket = kBucket, .endpoint = variable("FOREBAY_S3_ENDPOINT")}, .prefix = prefix + "/"};
    plain.client.credentials.given = {.access_key = variable("FOREBAY_S3_ACCESS_KEY"),
                                      .secret_key = Secret(variable("FOREBAY_S3_SECRET_KEY"))};
    plain_ = std::make_unique<S3Store>(process->env, plain, process_environment(), obs::null_log());
  }
  UnderStore& store() override { return *store_; }
  UnderStore& other() override { return *other_; }
  void write_foreign(const std::string& key, const std::string& content) override {
    Result<Identity> written = process->run(plain_->put_plain(key, content, {}));
    EXPECT_TRUE(written) << written.error().to_string();
  }
  async::Executor executor() override { return process->loop.executor(); }

 private:
  std::unique_ptr<UnderStore> store_, other_;
  std::unique_ptr<S3Store> plain_;
};

INSTANTIATE_TEST_SUITE_P(Gateway, StoreContract, testing::Values(WorldMaker{[] { return std::make_unique<S3World>(false); }}));
INSTANTIATE_TEST_SUITE_P(GatewayTls, StoreContract, testing::Values(WorldMaker{[] { return std::make_unique<S3World>(true); }}));

// What was seen of this gateway; if a newer one does better, the probe says so and this test is to be changed.
TEST(Gateway, ignores_a_condition_of_a_removal_and_is_found_out) {
  EXPECT_TRUE(process->known.has(Feature::kPutIfAbsent));
  EXPECT_FALSE(process->known.has(Feature::kRemoveIfIdentity));
  EXPECT_FALSE(process->known.lost().empty());
}

TEST(Gateway, refuses_wrong_keys_without_showing_them) {
  StoreOptions options = process->options();
  options["secret-key"] = "hush-hush";
  auto store = process->open(std::string("s3://") + kBucket, options);
  for (const Status& status : {process->run(store->probe({})).error(), process->run(store->head("a", {})).error()}) {
    EXPECT_EQ(failure_of(status), Failure::kPermanent) << status.to_string();
    EXPECT_EQ(status.error(), EACCES);
    EXPECT_EQ(status.to_string().find("hush"), std::string::npos);
  }
}

TEST(Gateway, says_that_the_bucket_is_missing_and_not_that_objects_are) {
  auto store = process->open("s3://no-such-bucket/p", process->options());
  TextSink sink(10);
  TextSource source("x");
  const Status statuses[] = {process->run(store->head("a", {})).error(),
                             process->run(store->get("a", {}, {}, &sink, {})).error(),
                             process->run(store->list({}, {})).error(),
                             process->run(store->probe({})).error(),
                             process->run(store->put({"a", stamp_of("x"), {}, "op"}, &source, {})).error(),
                             process->run(store->remove("a", {}, {})).error()};
  for (const Status& status : statuses) {
    EXPECT_EQ(failure_of(status), Failure::kPermanent) << status.to_string();
    EXPECT_EQ(status.error(), ENXIO) << status.to_string();
    EXPECT_NE(status.message().find("NoSuchBucket"), std::string::npos) << status.to_string();
  }
}

TEST(Gateway, is_not_trusted_without_its_certificate) {
  StoreOptions options = process->options(true);
  options.erase("ca-file");
  auto store = process->open(std::string("s3://") + kBucket, options);
  Result<ObjectStat> refused = process->run(store->head("a", {}));
  ASSERT_FALSE(refused);
  EXPECT_EQ(failure_of(refused.error()), Failure::kPermanent) << refused.error().to_string();
  EXPECT_EQ(refused.error().error(), EPROTO);
  options["verify-tls"] = "false";
  store = process->open(std::string("s3://") + kBucket, options);
  EXPECT_EQ(failure_of(process->run(store->head("a", {})).error()), Failure::kNotFound);
}

TEST(Gateway, is_unreachable_at_a_closed_port) {
  StoreOptions options = process->options();
  options["endpoint"] = "http://127.0.0.1:1";
  auto store = process->open(std::string("s3://") + kBucket, options);
  TextSource source("x");
  Result<Identity> stored = process->run(store->put({"a", stamp_of("x"), {}, "op"}, &source, {}));
  ASSERT_FALSE(stored);
  EXPECT_EQ(failure_of(stored.error()), Failure::kRetryLater) << stored.error().to_string();
}

class TextRanges final : public RangeSink {
 public:
  explicit TextRanges(uint64_t length) : text(length, '\0') {}
  Task<Result<void>> write(uint64_t offset, Bytes data) override {
    text.replace(offset, data.size(), as_text(data));  // one loop, one thread
    co_return Result<void>{};
  }
  std::string text;
};

TEST(Gateway, takes_a_large_object_in_parallel_parts_and_gives_it_back_in_parallel_ranges) {
  auto store = process->open(std::string("s3://") + kBucket + "/large", process->options());
  const std::string content = pattern(9, 64 * kMiB + 4321);
  TextSource source(content);
  UploadPlan plan{.request = {"a", stamp_of(content), "op"}, .condition = Condition::absent()};
  auto rate = [&](os::Instant begin) {
    return static_cast<double>(content.size()) / std::chrono::duration<double>(os::real_clock().now() - begin).count() / 1e6;
  };
  os::Instant begin = os::real_clock().now();
  Result<Identity> stored = process->run(upload_in_parts(store.get(), plan, &source, {}));
  ASSERT_TRUE(stored) << stored.error().to_string();
  std::cout << "upload " << rate(begin) << " MB/s, ";
  TextRanges ranges(content.size());
  begin = os::real_clock().now();
  Result<void> got = process->run(download_in_ranges(store.get(), "a", *stored, {0, content.size()}, {}, &ranges, {}));
  ASSERT_TRUE(got) << got.error().to_string();
  std::cout << "download " << rate(begin) << " MB/s\n";
  EXPECT_TRUE(ranges.text == content);
}

TEST(Gateway, copies_what_is_too_large_for_one_request_in_parts) {
  S3StoreConfig config{.client = {.bucket = kBucket, .endpoint = variable("FOREBAY_S3_ENDPOINT")}, .prefix = "copies/"};
  config.client.credentials.given = {.access_key = variable("FOREBAY_S3_ACCESS_KEY"),
                                     .secret_key = Secret(variable("FOREBAY_S3_SECRET_KEY"))};
  config.copy_bytes = kMiB;
  config.copy_part_bytes = 5 * kMiB;
  S3Store store(process->env, config, process_environment(), obs::null_log());
  const std::string content = pattern(3, 12 * kMiB);
  TextSource source(content);
  Result<Identity> stored = process->run(store.put({"a", stamp_of(content), {}, "op"}, &source, {}));
  ASSERT_TRUE(stored) << stored.error().to_string();
  CopyRequest copy{.from = "a", .source = Condition::is(*stored), .to = "b", .operation = "op"};
  Result<Identity> copied = process->run(store.copy(copy, {}));
  ASSERT_TRUE(copied) << copied.error().to_string();
  TextSink sink(16 * kMiB);
  Result<ObjectStat> got = process->run(store.get("b", {}, Condition::is(*copied), &sink, {}));
  ASSERT_TRUE(got) << got.error().to_string();
  EXPECT_TRUE(sink.text() == content);
  EXPECT_EQ(got->stamp, stamp_of(content));
}

TEST(Gateway, keeps_empty_directories_as_markers_where_asked_to) {
  StoreOptions options = process->options();
  options["dirs"] = "marker";
  auto store = process->open(std::string("s3://") + kBucket + "/markers", options);
  ASSERT_TRUE(process->run(store->make_directory("d/empty", {}, {})));
  Result<ListPage> page = process->run(store->list({.prefix = "d/"}, {}));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->entries.size(), 1u);
  EXPECT_EQ(page->entries[0].key, "d/empty/");
  EXPECT_TRUE(process->run(store->list({.by_directory = false}, {}))->entries.empty());
  TextSource source("x");
  ASSERT_TRUE(process->run(store->put({"d/empty/f", stamp_of("x"), {}, "op"}, &source, {})));
  EXPECT_EQ(process->run(store->remove_directory("d/empty", {})).error().error(), ENOTEMPTY);
  ASSERT_TRUE(process->run(store->remove("d/empty/f", {}, {})));
  ASSERT_TRUE(process->run(store->remove_directory("d/empty", {})));
  EXPECT_TRUE(process->run(store->list({.prefix = "d/"}, {}))->entries.empty());
}

}  // namespace
}  // namespace forebay::ufs
