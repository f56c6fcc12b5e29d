#include "ufs/capabilities.h"

#include <algorithm>
#include <array>

namespace forebay::ufs {
namespace {

struct Known {
  Feature feature;
  std::string_view name;
  std::string_view lost;  // empty: nothing is lost without it
};
constexpr std::array<Known, kFeatures> kKnown{{
    {Feature::kPutIfAbsent, "put-if-absent",
     "new small objects: the key is looked at before the write; an object that someone else creates in between is overwritten"},
    {Feature::kPutIfIdentity, "put-if-identity",
     "replaced small objects: the key is looked at before the write; what someone else writes in between is overwritten"},
    {Feature::kCompleteIfAbsent, "complete-if-absent",
     "new large objects: the key is looked at before the upload is completed; an object that someone else creates in between is "
     "overwritten"},
    {Feature::kCompleteIfIdentity, "complete-if-identity",
     "replaced large objects: the key is looked at before the upload is completed; what someone else writes in between is "
     "overwritten"},
    {Feature::kRemoveIfIdentity, "remove-if-identity",
     "removals: the key is looked at before it is removed; what someone else writes in between is removed with it"},
    {Feature::kCopyIfSourceIdentity, "copy-if-source-identity",
     "renames: the source is looked at before it is copied; what someone else writes to it in between is copied"},
    {Feature::kCopyIfAbsent, "copy-if-absent",
     "renames: the new key is looked at before the copy; an object that someone else creates in between is overwritten"},
    {Feature::kCopyIfIdentity, "copy-if-identity",
     "renames over an object: the new key is looked at before the copy; what someone else writes in between is overwritten"},
    {Feature::kFencedPut, "fenced-put", ""},
    {Feature::kRename, "rename", ""},
    {Feature::kDirectories, "directories", ""},
    {Feature::kAttributes, "attributes", ""},
    {Feature::kMountPoint, "mount-point", ""},
}};
// A store that renames needs no copies for it.
bool is_about_copies(Feature feature) {
  return feature == Feature::kCopyIfSourceIdentity || feature == Feature::kCopyIfAbsent || feature == Feature::kCopyIfIdentity;
}

}  // namespace

std::string_view feature_name(Feature feature) { return kKnown[static_cast<size_t>(feature)].name; }

Capabilities::Capabilities(std::initializer_list<Feature> features) {
  for (Feature feature : features) set(feature);
}

void Capabilities::set(Feature feature, bool on) {
  const uint32_t bit = 1u << static_cast<unsigned>(feature);
  bits_ = on ? bits_ | bit : bits_ & ~bit;
}

bool Capabilities::can_put(const Condition& condition) const {
  if (has(Feature::kFencedPut)) return true;
  if (condition.wants_absent()) return has(Feature::kPutIfAbsent);
  return condition.wants_identity() && has(Feature::kPutIfIdentity);
}

bool Capabilities::prefers_uploads() const {
  return !has(Feature::kFencedPut) && !has(Feature::kPutIfAbsent) && !has(Feature::kPutIfIdentity);
}

std::vector<std::string> Capabilities::lost() const {
  std::vector<std::string> sentences;
  for (const Known& known : kKnown) {
    if (has(known.feature) || known.lost.empty()) continue;
    if (is_about_copies(known.feature) && has(Feature::kRename)) continue;
    sentences.emplace_back(known.lost);
  }
  return sentences;
}

std::string Capabilities::to_text() const {
  std::string text;
  for (const Known& known : kKnown) {
    if (!has(known.feature)) continue;
    if (!text.empty()) text += ',';
    text += known.name;
  }
  return text.empty() ? "none" : text;
}

Result<Capabilities> Capabilities::parse(std::string_view text) {
  Capabilities capabilities;
  if (text == "none") return capabilities;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    const std::string_view name = text.substr(at, end - at);
    at = end + 1;
    const auto* known = std::ranges::find(kKnown, name, &Known::name);
    if (known == kKnown.end()) return invalid("unknown capability '" + std::string(name) + "'");
    capabilities.set(known->feature);
  }
  return capabilities;
}

uint64_t Limits::part_size(uint64_t object_bytes, uint64_t wanted) const {
  const uint64_t needed = (object_bytes + parts - 1) / parts;
  const uint64_t size = std::max({wanted, needed, least_part_bytes, uint64_t{1}});
  // Whole MiB: parts then end where the checksums of the sealed blocks do.
  const uint64_t rounded = size < kMiB ? size : (size + kMiB - 1) / kMiB * kMiB;
  return std::min(rounded, part_bytes);
}

}  // namespace forebay::ufs
