#include "lib/config/pipeline.h"

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/config/reader.h"

namespace llmtrain {

Pipeline load_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides) {
  YamlText source{.name = path.string(), .text = ""};
  try {
    source.text = read_file(path, YamlLimits::kBytes);
  } catch (const Error& error) {
    throw Error(ExitCode::kUsage, error.faults());  // a pipeline file is no model and no data
  }
  constexpr std::string_view kByteOrderMark = "\uFEFF";
  if (source.text.starts_with(kByteOrderMark)) source.text.erase(0, kByteOrderMark.size());
  Pipeline pipeline;
  pipeline.origins = read_config(source, pipeline.config, {.overrides = overrides});
  return pipeline;
}

KeySpec pipeline_spec() { return describe<PipelineConfig>(); }

}  // namespace llmtrain
