// The roles' log on stderr, each line with the world's time.
#pragma once

#include <iostream>

#include "obs/log.h"
#include "os/simulation.h"

namespace forebay::cluster {

// The world outlives it. One thread.
class StderrLog final : public obs::Log {
 public:
  StderrLog() = default;
  explicit StderrLog(os::SimWorld& world) : world_(&world) {}
  void follow(os::SimWorld& world) { world_ = &world; }
  void write(obs::Level level, std::string_view message, std::initializer_list<obs::Field> fields) override {
    if (world_) std::cerr << (world_->time().now() - os::VirtualTime::kStart).count() / 1'000 << "us ";
    std::cerr << "DIWE"[static_cast<int>(level)] << ' ' << message;
    for (const obs::Field& field : fields) {
      std::cerr << ' ' << field.key << '=';
      std::visit([](const auto& value) { std::cerr << value; }, field.value);
    }
    std::cerr << '\n';
  }

 private:
  os::SimWorld* world_ = nullptr;
};

}  // namespace forebay::cluster
