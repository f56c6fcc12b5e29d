// Numbers for Prometheus. Component metrics classes ask for their handles once and keep them.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"

namespace prometheus {
class Counter;
class Gauge;
class Histogram;
}  // namespace prometheus

namespace forebay::obs {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Handles: copied freely, valid as long as their Metrics; any thread. A histogram takes a lock: not for the byte path.
class Counter {
 public:
  explicit Counter(prometheus::Counter* counter) : counter_(counter) {}
  void add(double amount = 1) const;

 private:
  prometheus::Counter* counter_;
};
class Gauge {
 public:
  explicit Gauge(prometheus::Gauge* gauge) : gauge_(gauge) {}
  void set(double value) const;
  void add(double amount) const;

 private:
  prometheus::Gauge* gauge_;
};
class Histogram {
 public:
  explicit Histogram(prometheus::Histogram* histogram) : histogram_(histogram) {}
  void observe(Duration took) const;

 private:
  prometheus::Histogram* histogram_;
};

// Every metric of one process. Owned by main(), outlives what it gave handles to. Any thread. Asking again for the same name and
// labels answers with the same metric; creating one costs microseconds, using one nanoseconds. Names begin with "forebay_", a
// duration's end in "_seconds" and a counter's in "_total"; labels have few values (a method, a tier: never a path or an id).
class Metrics {
 public:
  Metrics();
  ~Metrics();

  Counter counter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge gauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram duration(const std::string& name, const std::string& help, const Labels& labels = {});  // 10 µs to 60 s
  // A gauge that is read when somebody asks. `read` runs on the web server's thread and must not block.
  void sampled(const std::string& name, const std::string& help, const Labels& labels, std::function<double()> read);

  std::string text() const;  // the text exposition format, version 0.0.4

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Resident memory, processor time, open descriptors, start time, of this process, under the names that Prometheus' own clients
// use; and forebay_build_info.
void add_process_metrics(Metrics& metrics, const std::string& role, const std::string& version);

}  // namespace forebay::obs
