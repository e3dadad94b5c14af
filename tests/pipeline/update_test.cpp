#include <cmath>
#include <cstring>

#include <gmock/gmock.h>

#include "tests/pipeline/training_run.h"

// What one step of a run does to weights and moments, worked by hand.
namespace llmtrain {
namespace {

// The norm of all fp32 tensors of a safetensors file whose names begin with `prefix`.
double norm_of(const std::string& file, const std::string& prefix) {
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, file.data(), sizeof header_size);
  double squares = 0;
  const auto header = nlohmann::json::parse(file.substr(8, header_size));
  for (const auto& [name, tensor] : header.items()) {
    if (!name.starts_with(prefix)) continue;
    EXPECT_EQ(tensor.at("dtype"), "F32") << name;
    const std::size_t from = tensor.at("data_offsets").at(0);
    const std::size_t to = tensor.at("data_offsets").at(1);
    for (std::size_t at = 8 + header_size + from; at < 8 + header_size + to; at += sizeof(float)) {
      float value = 0;
      std::memcpy(&value, file.data() + at, sizeof value);
      squares += static_cast<double>(value) * static_cast<double>(value);
    }
  }
  return std::sqrt(squares);
}

// The first moment after one step is (1 - beta1) times the gradient, clipped: 0.1 times the limit, or times the norm
// that the metrics tell where that is lower.
TEST(Update, ClipsTheGradientOfTheWholeBatchToItsNorm) {
  for (const auto& [limit, micro_batch] : {std::pair{"0.02", "2"}, {"0.02", "5"}, {"1000", "2"}, {"0", "5"}}) {
    TrainingFolder run;
    run.set(std::string("pretrain.optim.grad_clip=") + limit).set("pretrain.log_every_steps=1");
    run.set(std::string("pretrain.micro_batch=") + micro_batch);
    run.stop_after(1);
    double norm = 0;
    for (const auto& line : comparable_metrics(run.stage())) norm = line.value("grad_norm", norm);
    EXPECT_GT(norm, 0.1);
    const double expected = std::string(limit) == "0.02" ? 0.02 / (1 + 1e-6 / norm) : norm;
    const auto moments = slurp(run.checkpoint(1) / "optimizer.safetensors");
    EXPECT_NEAR(norm_of(moments, "exp_avg.") / (0.1 * expected), 1, 1e-5) << limit;
  }
}

// Step one of a warm-up of three has a quarter of the rate.
TEST(Update, TakesTheFirstStepAtTheFirstRateOfTheSchedule) {
  const auto first_weights = [](const std::string& optim) {
    TrainingFolder run;
    run.set("pretrain.optim=" + optim);
    run.stop_after(1);
    return slurp(run.checkpoint(1) / "weights.safetensors");
  };
  const auto whole = first_weights("{lr: 1e-3, schedule: {name: constant}}");
  EXPECT_TRUE(first_weights("{lr: 4e-3, schedule: {name: constant, warmup_steps: 3}}") == whole);
  EXPECT_FALSE(first_weights("{lr: 2e-3, schedule: {name: constant, warmup_steps: 3}}") == whole);
}

}  // namespace
}  // namespace llmtrain
