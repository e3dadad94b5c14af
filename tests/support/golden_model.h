#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <type_traits>
#include <vector>

#include <nlohmann/json.hpp>

#include "lib/arch/model_shape.h"
#include "tests/support/test_support.h"

namespace llmtrain {

// The keys of a model section from JSON.
template <class Config>
Config config_from_json(const nlohmann::json& json) {
  Config config;
  fields(config, [&]<class Member>(const char* key, Member& member, const auto&...) {
    if (!json.contains(key) || json[key].is_null()) return;
    const auto read = [&]<class Value>(Value& value) {
      if constexpr (std::is_enum_v<Value>) {
        for (const auto& [candidate, name] : EnumTable<Value>::names) {
          if (json[key] == name) value = candidate;
        }
      } else if constexpr (ConfigStruct<Value>) {
        value = config_from_json<Value>(json[key]);
      } else {
        json[key].get_to(value);
      }
    };
    if constexpr (requires { member.emplace(); }) {
      read(member.emplace());
    } else {
      read(member);
    }
  });
  return config;
}

// One of tests/model/golden: a tiny model of transformers, its weights given by a formula; the head of
// scripts/fixtures/make_parity_models.py says what the file holds.
struct GoldenModel {
  std::string name;
  nlohmann::json json;
  ModelShape shape;
  std::vector<std::string> parameters;  // in the table's order, a tied head left out
  std::map<std::string, std::vector<float>> weights;
};

inline std::vector<float> golden_elements(std::uint64_t number, const nlohmann::json& parameter) {
  std::size_t count = 1;
  for (const auto& size : parameter.at("shape")) count *= size.get<std::size_t>();
  const double centre = parameter.at("centre");
  const double scale = parameter.at("scale");
  std::vector<float> elements(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    std::uint64_t z = (number + 1) * 0x9E3779B97F4A7C15U + i;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    z = z ^ (z >> 31);
    elements[i] = static_cast<float>(centre + scale * (static_cast<double>(z >> 40) / 8388608.0 - 1.0));
  }
  return elements;
}

inline GoldenModel golden_model(const std::string& name) {
  const auto path = std::filesystem::path(LLMTRAIN_SOURCE_DIR) / "tests/model/golden" / (name + ".json");
  GoldenModel model{
      .name = name, .json = nlohmann::json::parse(slurp(path)), .shape = {}, .parameters = {}, .weights = {}};
  model.shape = resolve_model(config_from_json<ModelConfig>(model.json.at("model")));
  std::uint64_t number = 0;
  for (const auto& parameter : model.json.at("parameters")) {
    model.parameters.push_back(parameter.at("name"));
    model.weights[model.parameters.back()] = golden_elements(number++, parameter);
  }
  return model;
}

inline std::vector<std::string> golden_model_names() {
  return {"gpt2", "nanogpt", "llama-gqa", "llama-tied", "llama-bias", "llama-3.1", "mistral", "qwen2", "qwen3"};
}

}  // namespace llmtrain
