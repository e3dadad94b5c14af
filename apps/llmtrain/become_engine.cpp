#include "apps/llmtrain/become_engine.h"

#include <cerrno>
#include <filesystem>

#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/file.h"
#include "lib/base/signals.h"

namespace llmtrain {

void become_engine(const std::vector<std::string>& arguments) {
  const auto engine = std::filesystem::read_symlink("/proc/self/exe").parent_path() / "llmtrain-engine";
  std::vector<char*> argv;
  const std::string name = engine.string();
  argv.push_back(const_cast<char*>(name.c_str()));
  for (const auto& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  hold_signals();
  stop_point("before the start");
  ::execv(name.c_str(), argv.data());
  throw config_error("{}: cannot start: {}; build or install both programs into one folder", name,
                     system_message(errno));
}

}  // namespace llmtrain
