#include "sim/data/npy_images.hpp"

#include "sim/core/error.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

constexpr index kMostSide = 4096, kMostChannels = 4;

std::vector<std::uint8_t> bytes_of(const InputFile& file, const NpyArray& array) {
  const std::uint64_t bytes =
      static_cast<std::uint64_t>(array.count) * static_cast<std::uint64_t>(array.type->bytes);
  if (bytes > kMaxDataBytes)
    fail(Exit::data, fmt::format("{}: expected at most {} bytes of data, found {}", file.path(),
                                 kMaxDataBytes, bytes));
  std::vector<std::uint8_t> result(bytes);
  file.read_at(array.begin, result.data(), bytes);
  return result;
}

// [count, height, width, channels] -> [count, channels, height, width]
std::vector<std::uint8_t> channels_first(const std::vector<std::uint8_t>& pixels, index area,
                                         index channels) {
  std::vector<std::uint8_t> result(pixels.size());
  const index images = static_cast<index>(pixels.size()) / (area * channels);
  for (index i = 0; i < images; ++i)
    for (index at = 0; at < area; ++at)
      for (index channel = 0; channel < channels; ++channel)
        result[static_cast<std::size_t>((i * channels + channel) * area + at)] =
            pixels[static_cast<std::size_t>((i * area + at) * channels + channel)];
  return result;
}

}  // namespace

ImageStack read_npy_images(const std::string& path) {
  const InputFile file(path);
  const NpyArray array = npy_array(file);
  const auto refuse = [&](const std::string& expected, const std::string& found) {
    fail(Exit::data, fmt::format("{}: expected {}, found {}", path, expected, found));
  };
  if (std::string(array.type->name) != "uint8")
    refuse("pixels of one byte (uint8)",
           std::string(array.type->name) + "; write array.astype('uint8')");
  const std::vector<index>& shape = array.shape;
  const bool last = shape.size() == 4 && shape[3] <= kMostChannels;
  const bool first = shape.size() == 4 && !last && shape[1] <= kMostChannels;
  if (shape.size() != 3 && !last && !first)
    refuse("images as N x H x W, N x H x W x C or N x C x H x W with up to 4 channels",
           shape_text(shape));
  ImageStack images;
  images.count = shape[0];
  images.height = first ? shape[2] : shape[1];
  images.width = first ? shape[3] : shape[2];
  images.channels = last ? shape[3] : first ? shape[1] : 1;
  if (images.height > kMostSide || images.width > kMostSide)
    refuse(fmt::format("sides of 1 .. {} pixels", kMostSide), shape_text(shape));
  images.pixels = bytes_of(file, array);
  if (last && images.channels > 1)
    images.pixels = channels_first(images.pixels, images.height * images.width, images.channels);
  return images;
}

std::vector<std::uint8_t> read_npy_labels(const std::string& path) {
  const InputFile file(path);
  const NpyArray array = npy_array(file);
  if (array.shape.size() > 2 || (array.shape.size() == 2 && array.shape[1] != 1))
    fail(Exit::data, fmt::format("{}: expected labels as N or N x 1 numbers, found {}", path,
                                 shape_text(array.shape)));
  const std::vector<std::uint8_t> bytes = bytes_of(file, array);
  std::vector<std::uint8_t> labels;
  for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(array.type->bytes)) {
    const std::int64_t label = number_at(bytes.data() + at, *array.type);
    if (label < 0 || label > 255)
      fail(Exit::data, fmt::format("{}: expected labels 0 .. 255, found {} at example {}", path,
                                   label, labels.size()));
    labels.push_back(static_cast<std::uint8_t>(label));
  }
  return labels;
}

}  // namespace moesim
