#include "obs/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <map>
#include <mutex>

namespace forebay::obs {
namespace {

const prometheus::Histogram::BucketBoundaries kSeconds{1e-5, 2e-5, 5e-5, 1e-4, 2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2,
                                                       5e-2, 0.1,  0.2,  0.5,  1,    2,    5,    10,   20,   60};

std::map<std::string, std::string> to_map(const Labels& labels) { return {labels.begin(), labels.end()}; }

struct Sample {
  Labels labels;
  std::function<double()> read;
};

struct SampledFamily {
  std::string help;
  std::vector<Sample> samples;
};

prometheus::MetricFamily collect(const std::string& name, const SampledFamily& sampled) {
  prometheus::MetricFamily family{name, sampled.help, prometheus::MetricType::Gauge, {}};
  for (const Sample& sample : sampled.samples) {
    prometheus::ClientMetric metric;
    for (const auto& [key, value] : sample.labels) metric.label.push_back({key, value});
    metric.gauge.value = sample.read();
    family.metric.push_back(std::move(metric));
  }
  return family;
}

}  // namespace

void Counter::add(double amount) const { counter_->Increment(amount); }
void Gauge::set(double value) const { gauge_->Set(value); }
void Gauge::add(double amount) const { gauge_->Increment(amount); }
void Histogram::observe(Duration took) const { histogram_->Observe(std::chrono::duration<double>(took).count()); }

struct Metrics::State {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Merge};
  std::mutex mutex;  // of `sampled`
  std::map<std::string, SampledFamily> sampled;
};

Metrics::Metrics() : state_(std::make_unique<State>()) {}
Metrics::~Metrics() = default;

Counter Metrics::counter(const std::string& name, const std::string& help, const Labels& labels) {
  return Counter(&prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry).Add(to_map(labels)));
}

Gauge Metrics::gauge(const std::string& name, const std::string& help, const Labels& labels) {
  return Gauge(&prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry).Add(to_map(labels)));
}

Histogram Metrics::duration(const std::string& name, const std::string& help, const Labels& labels) {
  return Histogram(&prometheus::BuildHistogram().Name(name).Help(help).Register(state_->registry).Add(to_map(labels), kSeconds));
}

void Metrics::sampled(const std::string& name, const std::string& help, const Labels& labels, std::function<double()> read) {
  std::lock_guard lock(state_->mutex);
  SampledFamily& family = state_->sampled[name];
  family.help = help;
  family.samples.push_back({labels, std::move(read)});
}

std::string Metrics::text() const {
  std::vector<prometheus::MetricFamily> families = state_->registry.Collect();
  {
    std::lock_guard lock(state_->mutex);
    for (const auto& [name, sampled] : state_->sampled) families.push_back(collect(name, sampled));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace forebay::obs
