// What a tree really looks like, through a client; and whether that is what the model says.
#pragma once

#include <map>
#include <string>

#include "async/task.h"
#include "client/client.h"
#include "model_tree.h"

namespace forebay::cluster {

struct ObservedEntry {
  v1::Attr attr;
  std::string content;  // of a file
};
// By path below the root that was asked for ("a/b").
using Observed = std::map<std::string, ObservedEntry>;

inline const client::Identity kSuperuser{};

// Everything below an absolute path, contents included.
Task<Result<Observed>> observe(client::Client* client, std::string root);

// A file's bytes, through a handle of its own.
Task<Result<std::string>> read_file(client::Client* client, InodeId inode);

// Empty: the tree is as the model says, or as it may be where the model leaves room (contents, after a crash).
std::string why_not(const ModelTree& tree, const Observed& observed);
void adopt_contents(ModelTree& tree, const Observed& observed);

}  // namespace forebay::cluster
