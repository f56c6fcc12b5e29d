#include "obs/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace forebay::obs {
namespace {

using testing::HasSubstr;

TEST(Metrics, show_counters_gauges_and_histograms_as_prometheus_text) {
  Metrics metrics;
  metrics.counter("forebay_calls_total", "Calls.", {{"method", "lookup"}}).add(2);
  metrics.gauge("forebay_open", "Open.").set(7);
  metrics.duration("forebay_call_seconds", "Took.").observe(std::chrono::milliseconds(3));
  std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("# TYPE forebay_calls_total counter"));
  EXPECT_THAT(text, HasSubstr("forebay_calls_total{method=\"lookup\"} 2"));
  EXPECT_THAT(text, HasSubstr("forebay_open 7"));
  EXPECT_THAT(text, HasSubstr("forebay_call_seconds_bucket{le=\"0.005\"} 1"));
  EXPECT_THAT(text, HasSubstr("forebay_call_seconds_count 1"));
}

TEST(Metrics, answer_with_the_same_metric_for_the_same_name_and_labels) {
  Metrics metrics;
  for (int i = 0; i < 3; ++i) metrics.counter("forebay_calls_total", "Calls.", {{"method", "open"}}).add();
  metrics.counter("forebay_calls_total", "Calls.", {{"method", "create"}}).add();
  std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("forebay_calls_total{method=\"open\"} 3"));
  EXPECT_THAT(text, HasSubstr("forebay_calls_total{method=\"create\"} 1"));
}

TEST(Metrics, read_a_sampled_gauge_when_asked) {
  Metrics metrics;
  double value = 1;
  metrics.sampled("forebay_used_bytes", "Used.", {{"tier", "SSD"}}, [&value] { return value; });
  value = 42;
  EXPECT_THAT(metrics.text(), HasSubstr("forebay_used_bytes{tier=\"SSD\"} 42"));
}

TEST(ProcessMetrics, show_memory_descriptors_and_build) {
  Metrics metrics;
  add_process_metrics(metrics, "master", "1.2.3");
  std::string text = metrics.text();
  EXPECT_THAT(text, HasSubstr("forebay_build_info{role=\"master\",version=\"1.2.3\"} 1"));
  EXPECT_THAT(text, testing::ContainsRegex("process_resident_memory_bytes [1-9]"));
  EXPECT_THAT(text, testing::ContainsRegex("process_open_fds [1-9]"));
}

}  // namespace
}  // namespace forebay::obs
