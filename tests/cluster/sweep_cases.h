// One operation at a time, for the sweeps that kill a role, or fail a call, at every call it makes to the outside.
#pragma once

#include <string>
#include <vector>

#include "async/task.h"
#include "client/client.h"
#include "model_tree.h"

namespace forebay::cluster {

// `act` is what a program does; `states` are the trees that may be found afterwards when it was not acknowledged, in order: the
// last one alone is right when it was. Every case starts from the tree of sweep_tree(), which make_sweep_tree() makes in /t.
struct SweepCase {
  std::string name;
  Task<Result<void>> (*act)(client::Client* client);
  std::vector<void (*)(ModelTree&)> states;
};

const std::vector<SweepCase>& sweep_cases();
ModelTree sweep_tree();
Task<Result<void>> make_sweep_tree(client::Client* client);

}  // namespace forebay::cluster
