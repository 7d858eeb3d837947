// Shared by the tests of sim/data: a temporary folder, data sets from a list of options, errors as
// values.
#pragma once

#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "tests/support/catch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <unistd.h>

namespace moesim::testing {

class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "moesim-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) fail(Exit::internal, "no temporary folder");
    path_ = name;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string write(const std::string& name, const std::string& contents) const {
    std::ofstream(path(name), std::ios::binary) << contents;
    return path(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Dataset> make_data(const std::map<std::string, std::string>& values) {
  Settings settings;
  for (const auto& [key, value] : values) settings.set("data." + key, value, "test");
  Options options(settings, "data");
  return make_dataset(options);
}

inline std::string repeated(const std::string& text, int times) {
  std::string result;
  for (int i = 0; i < times; ++i) result += text;
  return result;
}

struct Failure {
  Exit code = Exit::ok;
  std::string message;
};

inline Failure failure_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return {error.code(), error.what()};
  }
  return {};
}

inline Failure failure_of(const std::map<std::string, std::string>& values) {
  return failure_of([&] { make_data(values); });
}

inline bool same(const Batch& a, const Batch& b) {
  return a.batch == b.batch && a.length == b.length && a.ids == b.ids && a.features == b.features &&
         a.targets == b.targets && a.domains == b.domains;
}

// Same (seed, step), same batch; another seed or step, another batch; validation does not know the
// seed.
inline void check_is_function_of_seed_and_step(const Dataset& data) {
  const Batch batch = data.batch(Split::train, 1, 5, 4);
  CHECK(batch.batch == 4);
  CHECK(same(batch, data.batch(Split::train, 1, 5, 4)));
  CHECK_FALSE(same(batch, data.batch(Split::train, 2, 5, 4)));
  CHECK_FALSE(same(batch, data.batch(Split::train, 1, 6, 4)));
  CHECK(same(data.batch(Split::validation, 1, 1, 2), data.batch(Split::validation, 2, 1, 2)));
  CHECK_FALSE(same(data.batch(Split::validation, 1, 0, 2), data.batch(Split::validation, 1, 1, 2)));
}

}  // namespace moesim::testing
