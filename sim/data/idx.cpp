// The data set "idx": labelled images in the IDX format of MNIST, or as NumPy arrays.
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/idx_file.hpp"
#include "sim/data/images.hpp"
#include "sim/data/npy_images.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>

namespace moesim {
namespace {

bool is_array(const std::string& path) {
  const InputFile file(path);
  char begin[8] = {};
  const std::size_t known = std::min<std::uint64_t>(sizeof begin, file.bytes());
  file.read_at(0, begin, known);
  return is_npy({begin, known});
}

ImageStack read_images(const std::string& path) {
  return is_array(path) ? read_npy_images(path) : read_idx_images(path);
}
std::vector<std::uint8_t> read_labels(const std::string& path) {
  return is_array(path) ? read_npy_labels(path) : read_idx_labels(path);
}

// Reads images and labels from the files that two options name.
LabelledImages read_examples(const Options& options, const std::string& images_key,
                             const std::string& labels_key, const std::string& images,
                             const std::string& labels) {
  const auto at = [&options](const std::string& key) {
    return [&options, key] { return options.where(key); };
  };
  LabelledImages result{within(at(images_key), [&] { return read_images(images); }),
                        within(at(labels_key), [&] { return read_labels(labels); }),
                        images,
                        labels,
                        images_key,
                        labels_key};
  if (static_cast<index>(result.labels.size()) != result.images.count)
    fail_in(Exit::data, options.where(labels_key),
            fmt::format("{}: expected {} labels, one for each image of {}, found {}", labels,
                        result.images.count, images, result.labels.size()));
  return result;
}

}  // namespace

std::unique_ptr<Dataset> make_idx(Options& options) {
  const std::string root = data_root(options);
  const auto file = [&](const char* key, const char* help) {
    return under_root(root, options.text(key, "", help));
  };
  const std::string images =
      file("images",
           "images as an IDX file, plain or gzip, or a .npy array of bytes (N x H x W, N "
           "x H x W x C or N x C x H x W)");
  const std::string labels = file("labels", "their labels, as an IDX file or a .npy array");
  const std::string test_images = file("test_images", "validation images, if apart");
  const std::string test_labels = file("test_labels", "their labels");
  const ImageOptions chosen = image_options(options, 7);
  const index classes = options.integer("classes", 0, {0, 256},
                                        "number of classes; 0: the largest training label plus 1");

  if (images.empty()) options.reject("images", "expected a file");
  if (labels.empty()) options.reject("labels", "expected a file");
  const bool own_file = !test_images.empty();
  if (own_file == test_labels.empty())
    options.reject(own_file ? "test_labels" : "test_images",
                   "test images and test labels go together");
  LabelledImages train = read_examples(options, "images", "labels", images, labels);
  LabelledImages validation =
      own_file ? read_examples(options, "test_images", "test_labels", test_images, test_labels)
               : LabelledImages{};
  return image_data(options, chosen, std::move(train), std::move(validation), classes);
}

}  // namespace moesim
