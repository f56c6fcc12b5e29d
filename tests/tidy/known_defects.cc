// Defects that clang-tidy has to find, each where the walk over the code could miss it: if one goes by unseen, what is said of
// the rest means nothing. In no program: tests/check_tidy.py looks at it first and counts.
#include <string>
#include <utility>
#include <vector>

#include "known_defects.h"

namespace forebay::tidy {
namespace {

// In a function of an unnamed namespace.
std::string moved_twice(std::string text) {
  std::string first = std::move(text);
  return first + text;  // expect: bugprone-use-after-move
}

// In a template, which only its instances make sense of.
template <class T>
size_t longer(std::vector<T> values) {
  std::vector<T> taken = std::move(values);
  return taken.size() + values.size();  // expect: bugprone-use-after-move
}

struct Shape {
  // In a member and in a lambda.
  std::vector<int> doubled(const std::vector<int>& numbers) const {
    std::vector<int> result;
    for (int number : numbers) result.push_back(number * 2);           // expect: performance-inefficient-vector-operation
    auto large = [](int number) { return number > 9 && number > 9; };  // expect: misc-redundant-expression
    return large(1) ? result : numbers;
  }
};

}  // namespace

size_t use() {
  return moved_twice("x").size() + longer<int>({1}) + longer<std::string>({"x"}) + Shape().doubled({1}).size() +
         only_in_header({1});
}

}  // namespace forebay::tidy
