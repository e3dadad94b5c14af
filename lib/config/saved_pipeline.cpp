#include "lib/config/saved_pipeline.h"

#include "lib/config/reader.h"
#include "lib/config/writer.h"

namespace llmtrain {

std::string write_saved_pipeline(const PipelineConfig& config) { return write_config(config); }

PipelineConfig read_saved_pipeline(const std::string& yaml, const std::string& name) {
  PipelineConfig config;
  read_config(YamlText{name, yaml}, config);
  return config;
}

}  // namespace llmtrain
