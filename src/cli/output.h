// What commands print.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace forebay::cli {

using Json = nlohmann::ordered_json;

enum class Output : uint8_t { kTable, kJson };

// Rows under headings, columns as wide as needed.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void right_align(size_t column) { right_.push_back(column); }
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text() const;

 private:
  std::vector<std::vector<std::string>> rows_;
  std::vector<size_t> right_;
};

void print(std::string_view text);        // to standard output, as it is
void print_line(std::string_view text);   // with an end of line
void print_json(const Json& value);       // see json_text
void complain(std::string_view message);  // "forebay: …" to standard error

// True unless something could not be written to standard output (a full disk, a closed pipe).
bool flush_output();

// An array whose items are printed as they come, one a line; the end in finish().
class JsonArray {
 public:
  void add(const Json& item);
  void finish();

 private:
  bool empty_ = true;
};

}  // namespace forebay::cli
