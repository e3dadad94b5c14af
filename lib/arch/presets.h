#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "lib/config/model_config.h"

namespace llmtrain {

// A known architecture. Fields that follow from others (resolve_model says how) are left out, so that changing one on
// top of a preset changes what follows from it.
struct Preset {
  std::string name;
  std::string family;  // heads a group in listings
  ModelConfig config;
};

// All of them, families together, sizes rising inside one.
const std::vector<Preset>& all_presets();

// Null if there is none of that name.
const Preset* find_preset(std::string_view name);

}  // namespace llmtrain
