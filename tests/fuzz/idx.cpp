// Fuzzes IDX images and labels, plain or compressed: the reader, and a data set from them.
#include "sim/data/datasets.hpp"
#include "sim/data/idx_file.hpp"
#include "tests/fuzz/support.hpp"

#include <vector>

namespace moesim::fuzz {
namespace {

std::string word(std::uint32_t value) {
  std::string bytes;
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(value >> shift);
  return bytes;
}

template <class Bytes>
std::string file_of(const std::vector<std::uint32_t>& header, const Bytes& data) {
  std::string bytes;
  for (const std::uint32_t value : header) bytes += word(value);
  return bytes.append(data.begin(), data.end());
}

// One step of training and of validation on a data set of these files, if it is one that can be
// learned: images that never differ, or labels of one class, are refused.
void use(const MemoryFile& images, const MemoryFile& labels) {
  Settings settings;
  settings.set("data.name", "idx", "fuzz");
  settings.set("data.images", images.path(), "fuzz");
  settings.set("data.labels", labels.path(), "fuzz");
  settings.set("data.test", "1", "fuzz");
  settings.set("data.patch", "1", "fuzz");
  Options options(settings, "data");
  std::unique_ptr<Dataset> data;
  if (!accepts(Exit::data, [&] { data = make_dataset(options); })) return;
  for (const Split split : {Split::train, Split::validation}) {
    const Batch batch = data->batch(split, 1, 1, 2);
    const auto positions = static_cast<std::size_t>(batch.batch * batch.length);
    expect(batch.features.size() == positions && batch.domains.size() == positions,
           "a batch has the size that it says");
  }
}

void run(std::string_view bytes) {
  static MemoryFile input, partner;
  input.write(bytes);

  ImageStack images;
  if (accepts(Exit::data, [&] { images = read_idx_images(input.path()); })) {
    const auto side = [](index size) { return static_cast<std::uint32_t>(size); };
    expect(static_cast<index>(images.pixels.size()) == images.count * images.height * images.width,
           "as many pixels as the header says");
    partner.write(file_of({0x803, side(images.count), side(images.height), side(images.width)},
                          images.pixels));
    expect(read_idx_images(partner.path()).pixels == images.pixels, "what was read reads back");
    if (images.count > 1 && images.pixels.size() < 100000) {
      partner.write(file_of({0x801, side(images.count)},
                            std::string(static_cast<std::size_t>(images.count), '\1')));
      use(input, partner);
    }
  }

  std::vector<std::uint8_t> labels;
  if (accepts(Exit::data, [&] { labels = read_idx_labels(input.path()); }) && labels.size() > 1 &&
      labels.size() < 100000) {
    partner.write(file_of({0x803, static_cast<std::uint32_t>(labels.size()), 1, 1}, labels));
    use(partner, input);
  }
}

}  // namespace
}  // namespace moesim::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  moesim::fuzz::run(moesim::fuzz::text_of(data, size));
  return 0;
}
