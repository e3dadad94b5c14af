#include "lib/config/pipeline.h"

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/config/reader.h"

namespace llmtrain {

namespace {

// The faults that `check` finds in a pipeline that has others. Where these are of values that it reads, what it
// would say may only follow from them.
std::vector<Fault> faults_of(const PipelineCheck& check, Pipeline pipeline, const ConfigFaults& faults) {
  for (const auto& message : faults.messages()) {
    for (const char* section : {"model", "vocab_size", "sequence_length"}) {
      if (message.find(section) != std::string::npos) return {};
    }
  }
  try {
    check(pipeline);
  } catch (const Error& error) {
    return error.faults();
  }
  return {};
}

}  // namespace

Pipeline load_pipeline(const std::filesystem::path& path, const std::vector<std::string>& overrides,
                       const PipelineCheck& check) {
  YamlText source{.name = path.string(), .text = ""};
  try {
    source.text = read_file(path, YamlLimits::kBytes);
  } catch (const Error& error) {
    throw Error(ExitCode::kUsage, error.faults());  // a pipeline file is no model and no data
  }
  constexpr std::string_view kByteOrderMark = "\uFEFF";
  if (source.text.starts_with(kByteOrderMark)) source.text.erase(0, kByteOrderMark.size());
  Pipeline pipeline;
  ReadOptions options{.overrides = overrides};
  if (check) {
    options.more_faults = [&](const Origins& origins, const ConfigFaults& faults) {
      return faults_of(check, {.config = pipeline.config, .origins = origins}, faults);
    };
  }
  pipeline.origins = read_config(source, pipeline.config, options);
  if (check) check(pipeline);
  return pipeline;
}

KeySpec pipeline_spec() { return describe<PipelineConfig>(); }

}  // namespace llmtrain
