// A million file operations against a model. FOREBAY_MODEL_SEED runs one seed alone, FOREBAY_MODEL_STEPS sets how long.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "random_program.h"

namespace forebay::cluster {
namespace {

uint64_t from_environment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// Every other one keeps small files inline, every third uploads through buffers; in every other of the rest client 0 stages its
// files.
ClientWays ways_of(uint64_t seed) {
  ClientWays ways{.inline_bytes = seed % 2 == 0 ? 6 * kKiB : 0};
  if (seed % 3 == 0) ways.multipart_upload = client::MultipartUpload{.threads = 3, .buffers = 1, .buffer_bytes = kMiB};
  ways.stages = seed % 4 < 2;
  return ways;
}

class ClientModel : public ::testing::TestWithParam<uint64_t> {};

TEST_P(ClientModel, every_answer_is_the_models) {
  const uint64_t only = from_environment("FOREBAY_MODEL_SEED", 0);
  const uint64_t seed = only != 0 ? only : GetParam();
  if (only != 0 && GetParam() != 1) return;
  const uint64_t steps = from_environment("FOREBAY_MODEL_STEPS", 50'000);
  const auto no_logs = [](const std::string&) -> obs::Log& { return obs::null_log(); };
  SmallCluster cluster(seed, no_logs, ways_of(seed));
  Result<void> started = cluster.start();
  ASSERT_TRUE(started) << started.error().to_string();
  {
    RandomProgram program(cluster, seed);
    for (uint64_t step = 0; step < steps; ++step) {
      ASSERT_TRUE(program.step()) << "FOREBAY_MODEL_SEED=" << seed << ", step " << step << ": " << program.wrong();
    }
    ASSERT_TRUE(program.finish()) << "FOREBAY_MODEL_SEED=" << seed << ": " << program.wrong();
  }
  cluster.stop();
  Result<std::vector<std::string>> problems = cluster.check();
  ASSERT_TRUE(problems) << problems.error().to_string();
  EXPECT_THAT(*problems, ::testing::IsEmpty()) << "FOREBAY_MODEL_SEED=" << seed;
}

INSTANTIATE_TEST_SUITE_P(seeds, ClientModel, ::testing::Range<uint64_t>(1, 25));

}  // namespace
}  // namespace forebay::cluster
