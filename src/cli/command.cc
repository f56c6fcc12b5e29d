#include "cli/command.h"

#include <CLI/App.hpp>
#include <optional>

namespace forebay::cli {

Option Option::required() {
  option_->required();
  return *this;
}

Option Option::one_of(std::vector<std::string> words) {
  option_->check(CLI::IsMember(std::move(words)));
  return *this;
}

Option Option::between(int64_t least, int64_t most) {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::values(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option Option::one_value_each() {
  option_->allow_extra_args(false);
  return *this;
}

Option Option::with_default_shown() {
  option_->capture_default_str();
  return *this;
}

Command Command::add(const std::string& name, const std::string& what) const {
  return Command(*parser_->add_subcommand(name, what));
}

Command Command::add_hidden(const std::string& name) const { return Command(*parser_->add_subcommand(name, "")->group("")); }

Command Command::one_option_of(const std::string& group) const {
  CLI::Option_group* options = parser_->add_option_group(group);
  options->require_option(1);
  return Command(*options);
}

void Command::need_command() const { parser_->require_subcommand(1); }

bool Command::is_chosen() const { return parser_->parsed(); }

template <class T>
Option Command::option(const std::string& names, T& value, const std::string& what) const {
  return Option(parser_->add_option(names, value, what));
}

template Option Command::option(const std::string&, std::string&, const std::string&) const;
template Option Command::option(const std::string&, std::vector<std::string>&, const std::string&) const;
template Option Command::option(const std::string&, std::optional<std::string>&, const std::string&) const;
template Option Command::option(const std::string&, int&, const std::string&) const;
template Option Command::option(const std::string&, int64_t&, const std::string&) const;
template Option Command::option(const std::string&, uint64_t&, const std::string&) const;
template Option Command::option(const std::string&, uint32_t&, const std::string&) const;
template Option Command::option(const std::string&, std::optional<uint64_t>&, const std::string&) const;
template Option Command::option(const std::string&, std::vector<uint64_t>&, const std::string&) const;

Option Command::flag(const std::string& names, bool& value, const std::string& what) const {
  return Option(parser_->add_flag(names, value, what));
}

}  // namespace forebay::cli
