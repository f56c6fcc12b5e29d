// See known_defects.cc: a defect in a header of our own.
#pragma once

#include <string>
#include <vector>

namespace forebay::tidy {

inline size_t only_in_header(std::vector<int> values) {
  if (values.size() == 0) return 1;  // expect: readability-container-size-empty
  return values.size();
}

}  // namespace forebay::tidy
