// Fuzzes a text file as bytes and as characters, and the option that names files. The first line of
// an input is the value of the option; the rest is the content of a file.
#include "sim/data/corpus.hpp"
#include "sim/data/datasets.hpp"
#include "tests/fuzz/support.hpp"

#include <algorithm>
#include <vector>

namespace moesim::fuzz {
namespace {

void check_parts(std::string_view path) {
  if (!config::value_problem(path).empty()) return;    // no config file can say this
  if (path.find_first_of("*?[") != path.npos) return;  // would walk through the disk
  Settings settings;
  settings.set("data.path", std::string(path), "fuzz");
  Options options(settings, "data");
  std::vector<CorpusPart> parts;
  if (!accepts(Exit::usage, [&] { parts = corpus_parts(options, "path", std::string(path)); }))
    return;
  for (const CorpusPart& part : parts) {
    expect(!part.pattern.empty(), "a part names a file");
    expect(part.label.empty() ? parts.size() == 1 : config::is_name(part.label),
           "a label is a name");
  }
}

void check_batch(const Dataset& data, Split split) {
  const Batch batch = data.batch(split, 1, 1, 2);
  const auto positions = static_cast<std::size_t>(batch.batch * batch.length);
  expect(batch.ids.size() == positions && batch.targets.size() == positions,
         "a batch has the size that it says");
  for (const std::vector<std::int32_t>* ids : {&batch.ids, &batch.targets})
    expect(std::all_of(ids->begin(), ids->end(),
                       [&](std::int32_t id) { return id >= 0 && id < data.info().vocabulary; }),
           "ids are in the vocabulary");
}

void check_data(const MemoryFile& file, std::string_view contents, const char* tokens) {
  Settings settings;
  settings.set("data.name", "text", "fuzz");
  settings.set("data.path", file.path(), "fuzz");
  settings.set("data.tokens", tokens, "fuzz");
  settings.set("data.length", "3", "fuzz");
  settings.set("data.validation_fraction", "0.5", "fuzz");
  Options options(settings, "data");
  std::unique_ptr<Dataset> data;
  if (!accepts(Exit::data, [&] { data = make_dataset(options); })) return;
  check_batch(*data, Split::train);
  check_batch(*data, Split::validation);
  const std::string whole(contents);
  std::string decoded;
  // Characters are those of the text behind its byte order mark.
  if (accepts(Exit::data, [&] { decoded = data->decode(data->encode(whole)); }))
    expect(decoded == whole, "text that was encoded decodes to itself");
}

void run(std::string_view input) {
  static MemoryFile file;
  const std::size_t end = std::min(input.find('\n'), input.size());
  check_parts(input.substr(0, end));
  const std::string_view contents = input.substr(std::min(end + 1, input.size()));
  file.write(contents);
  check_data(file, contents, "raw");
  check_data(file, contents, "bytes");
  check_data(file, contents, "chars");
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
