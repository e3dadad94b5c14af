#include "lib/params/weight_store.h"

#include <algorithm>
#include <optional>
#include <set>

#include <ATen/ATen.h>

#include "lib/base/error.h"

namespace llmtrain {
namespace {

// 64 bytes of the widest type that a buffer may have half of: bf16 views of 32 elements begin on a cache line, too.
constexpr std::int64_t kAlignment = 32;

std::int64_t aligned(std::int64_t offset) { return (offset + kAlignment - 1) / kAlignment * kAlignment; }

// Those that must follow another one without a gap.
std::set<std::string> followers(const StoreLayout& layout) {
  std::set<std::string> names;
  for (const auto& joined : layout.joined) names.insert(joined.begin() + 1, joined.end());
  return names;
}

// Undefined where the flat buffer is.
at::Tensor view(const at::Tensor& flat, const PlacedParameter& parameter) {
  if (!flat.defined()) return {};
  return flat.narrow(0, parameter.offset, parameter.elements).view(parameter.shape);
}

}  // namespace

StoreTypes inference_types(at::ScalarType compute) {
  return {.compute = compute, .master = compute, .grad = compute, .trains = false};
}

WeightStore::WeightStore(const StoreLayout& layout, const StoreTypes& types) {
  const auto follows = followers(layout);
  std::vector<std::int64_t> sizes;
  for (const auto& parameter : layout.parameters) {
    if (!parameter.tied_to.empty()) continue;
    const auto rule = layout.rules.find(parameter.name);
    const StepRule wanted = rule == layout.rules.end() ? StepRule::kAdamW : rule->second;
    auto group = std::find_if(groups_.begin(), groups_.end(), [&](const WeightGroup& candidate) {
      return candidate.rule == wanted && candidate.decays == parameter.decays;
    });
    if (group == groups_.end()) {
      groups_.push_back(
          {.rule = wanted, .decays = parameter.decays, .parameters = {}, .master = {}, .compute = {}, .grad = {}});
      sizes.push_back(0);
      group = groups_.end() - 1;
    }
    const auto index = static_cast<std::size_t>(group - groups_.begin());
    const std::int64_t offset = follows.count(parameter.name) != 0 ? sizes[index] : aligned(sizes[index]);
    places_[parameter.name] = {.group = index, .parameter = group->parameters.size()};
    names_.push_back(parameter.name);
    group->parameters.push_back(
        {.name = parameter.name, .shape = parameter.shape, .offset = offset, .elements = parameter.elements()});
    sizes[index] = offset + parameter.elements();
  }
  for (const auto& parameter : layout.parameters) {
    if (!parameter.tied_to.empty()) places_[parameter.name] = places_.at(parameter.tied_to);
  }
  for (std::size_t i = 0; i < groups_.size(); ++i) {
    auto& group = groups_[i];
    const std::int64_t size = aligned(sizes[i]);
    group.master = at::zeros({size}, types.master);
    group.compute = types.compute == types.master ? group.master : at::zeros({size}, types.compute);
    if (types.trains) group.grad = at::zeros({size}, types.grad);
  }
}

const PlacedParameter& WeightStore::placed(std::string_view name, const WeightGroup** group) const {
  const auto place = places_.find(std::string(name));
  ENSURE(place != places_.end(), name);
  *group = &groups_[place->second.group];
  return (*group)->parameters[place->second.parameter];
}

Weight WeightStore::weight(std::string_view name) const {
  const WeightGroup* group = nullptr;
  const auto& parameter = placed(name, &group);
  return {.value = view(group->compute, parameter), .grad = view(group->grad, parameter)};
}

at::Tensor WeightStore::master(std::string_view name) const {
  const WeightGroup* group = nullptr;
  const auto& parameter = placed(name, &group);
  return view(group->master, parameter);
}

Weight WeightStore::joined(const std::vector<std::string>& names) const {
  std::optional<PlacedParameter> whole;
  const WeightGroup* home = nullptr;
  for (const auto& name : names) {
    const WeightGroup* group = nullptr;
    const auto& part = placed(name, &group);
    if (!whole) {
      whole = part;
      home = group;
      continue;
    }
    ENSURE(group == home && part.offset == whole->offset + whole->elements, name, part.offset);
    whole->shape.front() += part.shape.front();
    whole->elements += part.elements;
  }
  ENSURE(whole.has_value());
  return {.value = view(home->compute, *whole), .grad = view(home->grad, *whole)};
}

std::int64_t WeightStore::elements() const {
  std::int64_t total = 0;
  for (const auto& group : groups_) {
    for (const auto& parameter : group.parameters) total += parameter.elements;
  }
  return total;
}

void WeightStore::zero_grad() {
  for (const auto& group : groups_) {
    if (group.grad.defined()) group.grad.zero_();
  }
}

void WeightStore::refresh_compute() {
  for (const auto& group : groups_) {
    if (!group.compute.is_same(group.master)) group.compute.copy_(group.master);
  }
}

}  // namespace llmtrain
