// Fuzzes data files of other programs: token ids (raw, NumPy, Megatron's index), JSON lines, gzip
// and zstd. Every input goes to all readers.
#include "sim/data/datasets.hpp"
#include "sim/data/expand.hpp"
#include "sim/data/json_lines.hpp"
#include "sim/data/megatron.hpp"
#include "sim/data/npy_images.hpp"
#include "tests/fuzz/support.hpp"

#include <algorithm>

namespace moesim::fuzz {
namespace {

void check_tokens(const MemoryFile& file, const char* dtype) {
  Settings settings;
  settings.set("data.name", "tokens", "fuzz");
  settings.set("data.path", file.path(), "fuzz");
  settings.set("data.dtype", dtype, "fuzz");
  settings.set("data.length", "3", "fuzz");
  settings.set("data.validation_fraction", "0.5", "fuzz");
  Options options(settings, "data");
  std::unique_ptr<Dataset> data;
  if (!accepts(Exit::data, [&] { data = make_dataset(options); })) return;
  for (const Split split : {Split::train, Split::validation}) {
    const Batch batch = data->batch(split, 1, 1, 2);
    expect(static_cast<index>(batch.ids.size()) == batch.batch * batch.length,
           "a batch has the size that it says");
    for (const std::int32_t id : batch.targets)
      expect(id >= 0 && id < data->info().vocabulary, "ids are in the vocabulary");
  }
}

void check_index(const MemoryFile& file) {
  constexpr std::uint64_t kBytes = 1000;
  MegatronIndex found;
  if (!accepts(Exit::data, [&] { found = read_megatron_index(InputFile(file.path()), kBytes); }))
    return;
  for (const TokenRun& run : found.runs)
    expect(run.count > 0 && run.begin <= kBytes &&
               static_cast<std::uint64_t>(run.count) <=
                   (kBytes - run.begin) / static_cast<std::uint64_t>(found.type->bytes) *
                       static_cast<std::uint64_t>(found.sequences),
           "sequences lie in the .bin");
}

void check_lines(std::string_view contents) {
  accepts(Exit::data, [&] {
    each_document("a.jsonl", contents, "text", "meta.set",
                  [](const std::string&, const std::string& domain) {
                    expect(config::is_name(domain), "a domain is a name");
                  });
  });
}

void run(std::string_view input) {
  static MemoryFile file;
  if (input.empty()) return;
  file.write(input);
  check_tokens(file, "auto");
  check_tokens(file, "int64");
  check_index(file);
  check_lines(input);
  accepts(Exit::data, [&] {
    const ImageStack images = read_npy_images(file.path());
    expect(static_cast<index>(images.pixels.size()) ==
               images.count * images.channels * images.height * images.width,
           "as many pixels as the shape says");
  });
  accepts(Exit::data, [&] { read_npy_labels(file.path()); });
  // A build without zstd refuses that with exit 2.
  if (!input.starts_with("\x28\xb5\x2f\xfd"))
    accepts(Exit::data, [&] { read_expanded(file.path(), std::uint64_t{1} << 20); });
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
