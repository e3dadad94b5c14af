#include "lib/params/weight_loading.h"

#include <span>
#include <vector>

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "lib/base/parallel.h"
#include "lib/base/signals.h"

namespace llmtrain {

void load_weights(WeightStore& store, const HfFolder& folder) {
  const auto& names = store.names();
  parallel_for(names.size(), [&](std::size_t i) {
    stop_point("loading weights");
    const at::NoGradGuard no_grad;
    const auto weight = store.master(names[i]);
    const auto count = static_cast<std::size_t>(weight.numel());
    if (weight.scalar_type() == at::kFloat) {
      folder.read(names[i], {weight.data_ptr<float>(), count});
      return;
    }
    std::vector<float> elements(count);
    folder.read(names[i], elements);
    weight.copy_(at::from_blob(elements.data(), weight.sizes(), at::kFloat));
  });
  store.refresh_compute();
}

}  // namespace llmtrain
