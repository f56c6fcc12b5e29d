// How a command says which options it takes. Over CLI11, whose thousands of lines of header are read by command.cc and three
// others, not by sixty commands.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace forebay::cli {

// An option just added. Each function returns it again, to be followed by another.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required();
  Option one_of(std::vector<std::string> words);
  Option between(int64_t least, int64_t most);
  Option values(int least, int most);  // so many of them, one after the other
  Option one_value_each();             // given several times, one value each time
  Option with_default_shown();         // in --help

 private:
  CLI::Option* option_;  // the parser's, which lives as long as the process parses
};

// A command, or a group of them: a name in the parser, copied freely.
class Command {
 public:
  explicit Command(CLI::App& parser) : parser_(&parser) {}

  Command add(const std::string& name, const std::string& what) const;  // a command below this one
  Command add_hidden(const std::string& name) const;                    // not in --help
  Command one_option_of(const std::string& group) const;  // of those added to what is returned exactly one must be given
  void need_command() const;                              // this one does nothing by itself

  // `names` as in CLI11: "-r,--reverse"; a word without a dash is a place. T: std::string, a vector of them, a number,
  // std::optional of these.
  template <class T>
  Option option(const std::string& names, T& value, const std::string& what) const;
  Option flag(const std::string& names, bool& value, const std::string& what) const;

  bool is_chosen() const;  // once the command line is read

  CLI::App& parser() const { return *parser_; }

 private:
  CLI::App* parser_;
};

}  // namespace forebay::cli
