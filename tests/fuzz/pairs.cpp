// Fuzzes files of pairs, as JSON lines with and without labels and as a table, and the data set "tasks"
// of them.
#include "sim/data/datasets.hpp"
#include "tests/fuzz/support.hpp"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <utility>

namespace moesim::fuzz {
namespace {

// A name for a file in memory that ends in .tsv.
class TableName {
 public:
  explicit TableName(const MemoryFile& file) {
    std::string folder = std::filesystem::temp_directory_path() / "moesim-fuzz-XXXXXX";
    expect(::mkdtemp(folder.data()) != nullptr, "mkdtemp");
    folder_ = folder;
    std::filesystem::create_symlink(file.path(), folder_ / "pairs.tsv");
  }
  ~TableName() {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  TableName(const TableName&) = delete;
  TableName& operator=(const TableName&) = delete;
  std::string path() const { return folder_ / "pairs.tsv"; }

 private:
  std::filesystem::path folder_;
};

void check_batch(const Dataset& data, Split split) {
  const Batch batch = data.batch(split, 1, 1, 2);
  const auto positions = static_cast<std::size_t>(batch.batch * batch.length);
  expect(batch.ids.size() == positions && batch.targets.size() == positions,
         "a batch has the size that it says");
  const auto known = [&](std::int32_t id) { return id >= 0 && id < data.info().vocabulary; };
  expect(std::all_of(batch.ids.begin(), batch.ids.end(), known), "ids are in the vocabulary");
  expect(std::all_of(batch.targets.begin(), batch.targets.end(),
                     [&](std::int32_t id) { return id == -1 || known(id); }),
         "targets are in the vocabulary, or there is none");
  expect(std::any_of(batch.targets.begin(), batch.targets.end(),
                     [](std::int32_t id) { return id >= 0; }),
         "there is something to predict");
  data.decode(batch.ids);
}

void check_data(const std::string& path,
                std::initializer_list<std::pair<const char*, const char*>> more) {
  Settings settings;
  settings.set("data.name", "tasks", "fuzz");
  settings.set("data.path", path, "fuzz");
  settings.set("data.length", "48", "fuzz");
  settings.set("data.validation_fraction", "0.5", "fuzz");
  for (const auto& [key, value] : more) settings.set(std::string("data.") + key, value, "fuzz");
  Options options(settings, "data");
  std::unique_ptr<Dataset> data;
  if (!accepts(Exit::data, [&] { data = make_dataset(options); })) return;
  check_batch(*data, Split::train);
  check_batch(*data, Split::validation);
}

void run(std::string_view bytes) {
  static MemoryFile file;
  static const TableName table(file);
  file.write(bytes);
  for (const char* tokens : {"bytes", "chars"}) {
    check_data(table.path(), {{"tokens", tokens}});
    check_data(file.path(), {{"tokens", tokens}});
    check_data(file.path(),
               {{"tokens", tokens}, {"domain_field", "label"}, {"source_field", "a.b"}});
  }
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
