#include "obs/json_log.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <array>
#include <chrono>
#include <ctime>
#include <nlohmann/json.hpp>

namespace forebay::obs {
namespace {

constexpr size_t kMaxText = 4 * kKiB;
constexpr std::array<std::string_view, 4> kLevelNames{"debug", "info", "warning", "error"};

void append_text(std::string& line, std::string_view text) {
  bool cut = text.size() > kMaxText;
  std::string shown(text.substr(0, kMaxText));
  if (cut) shown += "…";
  line += nlohmann::json(std::move(shown)).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void append_key(std::string& line, std::string_view key) {
  line += ',';
  append_text(line, key);
  line += ':';
}

struct AppendValue {
  std::string& line;
  void operator()(const std::string& text) const { append_text(line, text); }
  void operator()(double number) const { line += nlohmann::json(number).dump(); }  // not finite: null
  void operator()(int64_t number) const { line += std::to_string(number); }
  void operator()(uint64_t number) const { line += std::to_string(number); }
};

std::string utc_now() {
  using namespace std::chrono;
  auto micros = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
  std::time_t seconds = micros / 1'000'000;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(micros % 1'000'000));
  return text;
}

class JsonLog final : public Log {
 public:
  JsonLog(std::string role, Level level, std::shared_ptr<spdlog::sinks::sink> sink)
      : role_(std::move(role)), level_(level), logger_("forebay", std::move(sink)) {
    logger_.set_pattern("%v");
    logger_.flush_on(spdlog::level::trace);
    logger_.set_error_handler([](const std::string&) {});  // the medium's error has nowhere better to go
  }
  void write(Level level, std::string_view message, std::initializer_list<Field> fields) override {
    if (level < level_) return;
    std::string line = json_line(utc_now(), level, role_, message, fields);
    logger_.log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  }

 private:
  const std::string role_;
  const Level level_;
  spdlog::logger logger_;
};

}  // namespace

std::string json_line(std::string_view time, Level level, std::string_view role, std::string_view message,
                      std::initializer_list<Field> fields) {
  std::string line = "{\"time\":";
  append_text(line, time);
  append_key(line, "level");
  append_text(line, kLevelNames[static_cast<size_t>(level)]);
  append_key(line, "role");
  append_text(line, role);
  append_key(line, "message");
  append_text(line, message);
  for (const Field& field : fields) {
    append_key(line, field.key);
    std::visit(AppendValue{line}, field.value);
  }
  line += '}';
  return line;
}

Result<std::unique_ptr<Log>> open_log(const LogConfig& config) {
  try {
    std::shared_ptr<spdlog::sinks::sink> sink;
    if (config.path.empty())
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    else
      sink = std::make_shared<spdlog::sinks::rotating_file_sink_mt>(config.path, config.max_bytes, config.max_old_files);
    return std::make_unique<JsonLog>(config.role, config.level, std::move(sink));
  } catch (const std::exception& error) {
    return invalid("cannot open the log file '" + config.path + "': " + error.what());
  }
}

Result<Level> parse_level(std::string_view name) {
  for (size_t i = 0; i < kLevelNames.size(); ++i)
    if (name == kLevelNames[i]) return static_cast<Level>(i);
  return invalid("'" + std::string(name) + "' is not a log level (debug, info, warning, error)");
}

}  // namespace forebay::obs
