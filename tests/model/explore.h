// Every state of a small world.
#pragma once

#include "small_world.h"

namespace forebay::model {

struct Explored {
  size_t states = 0, steps = 0, at_rest = 0, outcomes = 0;
  bool complete = false;           // otherwise the limit was met
  std::string violation;           // empty: none
  std::vector<std::string> trace;  // to the violation, shortest
};

// Breadth first, each state once, by its canonical form; checks what must hold in every step, and at rest. Stops at the first
// violation. Memory: about 100 bytes for each state, and a few kilobytes for each at the border.
Explored explore(SmallWorld& world, size_t most_states);

}  // namespace forebay::model
