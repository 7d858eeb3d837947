// Builds run files for tests.
#pragma once

#include "sim/record/run_file.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <unistd.h>

namespace moesim::testing {

// A folder that is removed with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = std::filesystem::temp_directory_path() / "moesim-test-XXXXXX";
    path_ = ::mkdtemp(name.data());
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::string operator/(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline std::string read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline Variable variable(std::string name, Variable::Type type, std::vector<std::string> dims,
                         std::vector<std::int64_t> shape, std::vector<double> values) {
  return {.name = std::move(name),
          .type = type,
          .dims = std::move(dims),
          .shape = std::move(shape),
          .values = std::move(values),
          .texts = {},
          .long_name = "",
          .units = ""};
}

// Two layers and three experts; `records` consistent records: each layer has a demand of 6
// assignments and drops 1.
inline RunFile sample(int records = 2) {
  using Type = Variable::Type;
  RunFile run;
  run.attribute("run_id", "token_choice-seed0");
  run.attribute("status", "complete");
  run.attribute("plan_kind", "assignment");
  run.attribute("config", "[run]\nname = \xC3\xA9tude\n");
  run.attribute("git", "");
  run.attribute("seed", std::int64_t{7});
  run.attribute("leak", 0.0);

  run.declare("step", Type::int64, {"step"}, {}, "number of the training step");
  run.declare("loss", Type::float64, {"step"}, {}, "training loss", "nats per token");
  run.declare("record_step", Type::int64, {"record"}, {}, "step of the record");
  run.put(variable("layer", Type::int32, {"layer"}, {2}, {1, 3}));
  run.put(variable("expert", Type::int32, {"expert"}, {3}, {0, 1, 2}));
  run.declare("demand", Type::float32, {"record", "layer", "expert"}, {2, 3}, "asked for", "rows");
  run.declare("load", Type::float32, {"record", "layer", "expert"}, {2, 3}, "processed", "rows");
  run.declare("assignments", Type::float32, {"record", "layer"}, {2}, "pairs", "rows");
  run.declare("dropped", Type::float32, {"record", "layer"}, {2}, "not processed", "rows");
  Variable names{.name = "aux",
                 .type = Type::text,
                 .dims = {"aux"},
                 .shape = {2},
                 .values = {},
                 .texts = {"balance", ""},
                 .long_name = "names of the auxiliary losses",
                 .units = ""};
  run.put(names);
  run.declare("aux_loss", Type::float32, {"step", "aux"}, {2}, "weighted terms");
  for (int r = 0; r < records; ++r) {
    run.append("step", r + 1);
    run.append("loss", 1.0 / (r + 3));
    run.append("aux_loss", {0.5, 0.25 * r});
    run.append("record_step", r + 1);
    run.append("demand", {3, 2, 1, 0, 4, 2});
    run.append("load", {2, 2, 1, 0, 3, 2});
    run.append("assignments", {6, 6});
    run.append("dropped", {1, 1});
  }
  return run;
}

}  // namespace moesim::testing
