#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lib/arch/parameter_table.h"
#include "lib/ops/weight.h"

namespace llmtrain {

// Which rule steps a parameter.
enum class StepRule { kAdamW, kMuon };

// A parameter's place in its group's flat buffers.
struct PlacedParameter {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset = 0;  // elements
  std::int64_t elements = 0;
};

// Parameters that are stepped alike, in one flat buffer of each kind: the optimizer makes one pass over one tensor, and
// the norm of a gradient is one sum. Between parameters there may be padding, always zero.
struct WeightGroup {
  StepRule rule = StepRule::kAdamW;
  bool decays = false;
  std::vector<PlacedParameter> parameters;
  at::Tensor master;   // [size] fp32 (double in a double store): what the optimizer steps
  at::Tensor compute;  // [size]: what the operators read; the master itself where types are the same
  at::Tensor grad;     // [size]; undefined in a store that does not train
};

struct StoreTypes {
  at::ScalarType compute = at::kFloat;
  at::ScalarType master = at::kFloat;
  at::ScalarType grad = at::kFloat;
  bool trains = true;  // false: no gradients, so that no operator records a backward pass for a weight
};

// Each weight once, in the type that is computed with: for generation and evaluation.
StoreTypes inference_types(at::ScalarType compute);

struct StoreLayout {
  std::vector<Parameter> parameters;
  // Parameters to lie one after another, so that joined() can give them as one weight. Consecutive in `parameters`,
  // but for those of other groups between them.
  std::vector<std::vector<std::string>> joined;
  // The rule for each parameter; AdamW for those not named.
  std::map<std::string, StepRule> rules;
};

// The weights of a model, flat. Values begin as zeros.
class WeightStore {
 public:
  WeightStore(const StoreLayout& layout, const StoreTypes& types);

  const std::vector<WeightGroup>& groups() const { return groups_; }
  // A named weight, tied names included: a view of the flat buffers. ENSUREs that it is there.
  Weight weight(std::string_view name) const;
  bool has(std::string_view name) const { return places_.count(std::string(name)) != 0; }
  // Several as one, joined along the first axis; they must have been laid out so.
  Weight joined(const std::vector<std::string>& names) const;
  // A named weight as the optimizer sees it, and as it is loaded.
  at::Tensor master(std::string_view name) const;
  // Every parameter once, in the table's order.
  const std::vector<std::string>& names() const { return names_; }
  std::int64_t elements() const;  // without padding

  void zero_grad();
  // Makes the compute weights from the master weights, where they are not the same.
  void refresh_compute();

 private:
  struct Place {
    std::size_t group = 0;
    std::size_t parameter = 0;
  };
  const PlacedParameter& placed(std::string_view name, const WeightGroup** group) const;

  std::vector<WeightGroup> groups_;
  std::map<std::string, Place> places_;
  std::vector<std::string> names_;
};

}  // namespace llmtrain
