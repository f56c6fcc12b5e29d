// A program that changes files at random, in a storm.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "client/client.h"
#include "os/sim_random.h"
#include "os/simulation.h"
#include "storm_contents.h"

namespace forebay::cluster {

// Works below a directory of its own, and passes files on through one that all share; nobody else changes a file while it is
// there. Every content that it writes is told to the contents before. Operations may fail, most of all while roles are down: it
// goes on with the next. All that is passed in outlives it. One thread.
class StormActor {
 public:
  struct Parts {
    os::SimWorld& world;
    client::Client& client;
    StormContents& contents;
    std::string base;  // path of the mapped directory
    bool frees, makes_sets;
    size_t operations;
  };
  StormActor(Parts parts, uint32_t number);

  void start() { async::spawn_detached(parts_.world.executor(), run(this)); }
  void stop_early() { stopping_ = true; }
  bool is_over() const { return over_; }
  uint64_t done() const { return done_; }
  uint64_t failed() const { return failed_; }
  const std::vector<std::string>& wrong() const { return wrong_; }

 private:
  using Done = Task<Result<void>>;
  struct Place {
    InodeId directory;
    std::string name;
  };
  using File = std::unique_ptr<client::File>;
  using Change = std::function<std::string(std::string)>;

  static Task<void> run(StormActor* actor);
  Done one();

  // names
  std::string any_name();
  std::string any_shared();
  std::string home(const std::string& below) const { return parts_.base + "/a" + std::to_string(number_) + below; }
  std::string shared(const std::string& name) const { return parts_.base + "/shared/" + name; }
  Task<Result<Place>> place(std::string path);
  Task<Result<InodeId>> find(std::string path);
  Done make_dir(std::string path);
  Done move(std::string from, std::string to, bool exchange = false);

  // operations
  Done write(std::string path, std::string content);
  Done write_any();
  Done change(std::string path, Change change);
  Done append();
  Done overwrite();
  Done truncate();
  Done rename();
  Done exchange();
  Done swap();
  Done checkpoint();
  Done rename_directory();
  Done remove();
  Done remove_and_write();
  Done remove_tree();
  Done link();
  Done pass_on();
  Done take();
  Done set_mode();
  Done read();
  Done free();
  Done save_set();

  std::string any_content();
  Task<Result<std::string>> content_of(client::File* file);

  const Parts parts_;
  const uint32_t number_;
  os::SimRandom random_;
  uint64_t sets_ = 0, contents_ = 0, done_ = 0, failed_ = 0;
  bool stopping_ = false, over_ = false;
  std::vector<std::string> wrong_;
};

}  // namespace forebay::cluster
