// The folder of a local cluster, and what is where in it.
#pragma once

#include <string>

namespace forebay::cli {

struct Directory {
  std::string path;  // absolute

  std::string conf() const { return path + "/forebay.toml"; }
  std::string run() const { return path + "/run"; }
  std::string log() const { return path + "/log"; }
  std::string master_store() const { return path + "/master"; }
  std::string coordinator_store() const { return path + "/coordinator"; }
  std::string default_ufs() const { return path + "/ufs"; }
  std::string mapping() const { return path + "/mapping.json"; }
  std::string default_data() const { return path + "/data"; }
  std::string pid_file(const std::string& role) const { return run() + "/" + role + ".pid"; }
  std::string log_file(const std::string& role) const { return log() + "/" + role + ".log"; }
  std::string words_file(const std::string& role) const { return log() + "/" + role + ".out"; }  // its stdout and stderr
  std::string state() const { return run() + "/state.json"; }
  std::string start_lock() const { return run() + "/start.lock"; }
};

}  // namespace forebay::cli
