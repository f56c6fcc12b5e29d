#include "cli/bench/report.h"

#include <algorithm>

#include "base/check.h"

namespace forebay::cli {
namespace {

std::string fixed(double value, int digits) {
  char text[40];
  std::snprintf(text, sizeof text, "%.*f", digits, value);
  return text;
}

double per_second(uint64_t count, double seconds) { return seconds > 0 ? static_cast<double>(count) / seconds : 0; }

double ratio(const Phase& phase, const Phase& limit) {
  return limit.per_second() > 0 ? phase.per_second() / limit.per_second() : 0;
}

double microseconds(Duration time) { return static_cast<double>(time.count()) / 1e3; }

Json to_json(const Phase& phase) {
  Json json = {{"name", phase.name},
               {"operations", phase.operations},
               {"bytes", phase.bytes},
               {"seconds", phase.seconds},
               {"operations_per_second", per_second(phase.operations, phase.seconds)},
               {"bytes_per_second", per_second(phase.bytes, phase.seconds)},
               {"latency_us",
                {{"p50", phase.latencies.percentile_us(50)},
                 {"p90", phase.latencies.percentile_us(90)},
                 {"p99", phase.latencies.percentile_us(99)},
                 {"p99.9", phase.latencies.percentile_us(99.9)},
                 {"max", phase.latencies.max_us()}}}};
  if (phase.longest_gap) json["longest_gap_us"] = microseconds(*phase.longest_gap);
  return json;
}

}  // namespace

std::string phases_table(const std::vector<Phase>& phases, const std::optional<std::vector<Phase>>& limit,
                         const std::string& limit_name) {
  std::vector<std::string> headings = {"PHASE",  "OPS",    "SECONDS", "OPS/s",    "MB/s",
                                       "p50 us", "p90 us", "p99 us",  "p99.9 us", "max us"};
  const bool has_gaps = std::ranges::any_of(phases, [](const Phase& phase) { return phase.longest_gap.has_value(); });
  if (has_gaps) headings.emplace_back("GAP us");
  if (limit) headings.insert(headings.end(), {limit_name, "RATIO"});
  Table table(headings);
  for (size_t column = 1; column < headings.size(); ++column) table.right_align(column);
  for (size_t i = 0; i < phases.size(); ++i) {
    const Phase& phase = phases[i];
    std::vector<std::string> row = {phase.name, std::to_string(phase.operations), fixed(phase.seconds, 2),
                                    fixed(per_second(phase.operations, phase.seconds), 0),
                                    phase.bytes == 0 ? "-" : fixed(per_second(phase.bytes, phase.seconds) / 1e6, 1)};
    for (double percent : {50.0, 90.0, 99.0, 99.9}) row.push_back(fixed(phase.latencies.percentile_us(percent), 1));
    row.push_back(fixed(phase.latencies.max_us(), 1));
    if (has_gaps) row.push_back(phase.longest_gap ? fixed(microseconds(*phase.longest_gap), 1) : "-");
    if (limit) {
      const Phase& same = limit->at(i);
      FOREBAY_CHECK(same.name == phase.name, "both places are measured alike");
      row.push_back(same.bytes > 0 ? fixed(same.per_second() / 1e6, 1) + " MB/s" : fixed(same.per_second(), 0) + " /s");
      row.push_back(fixed(ratio(phase, same), 2));
    }
    table.add(std::move(row));
  }
  return table.text();
}

Json phases_json(const std::vector<Phase>& phases, const std::optional<std::vector<Phase>>& limit) {
  Json json = Json::array();
  for (size_t i = 0; i < phases.size(); ++i) {
    Json one = to_json(phases[i]);
    if (limit) {
      one["medium"] = to_json(limit->at(i));
      one["medium"].erase("name");
      one["ratio"] = ratio(phases[i], limit->at(i));
    }
    json.push_back(std::move(one));
  }
  return json;
}

}  // namespace forebay::cli
