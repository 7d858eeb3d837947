// Labelled images, cut into square patches: a sequence of height x width / patch^2 positions, row
// by row, each with the patch^2 pixels of its patch as features, standardised by mean and deviation
// of the training pixels.
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/idx_file.hpp"
#include "sim/data/order.hpp"
#include "sim/data/root.hpp"
#include "sim/data/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace moesim {
namespace {

// Images and their labels, from a pair of files.
struct Examples {
  IdxImages images;
  std::vector<std::uint8_t> labels;
};

// The files that two options name; errors say which.
Examples read_examples(const Options& options, const std::string& images_key,
                       const std::string& labels_key, const std::string& images,
                       const std::string& labels) {
  const auto at = [&options](const std::string& key) {
    return [&options, key] { return options.where(key); };
  };
  Examples result{within(at(images_key), [&] { return read_idx_images(images); }),
                  within(at(labels_key), [&] { return read_idx_labels(labels); })};
  if (static_cast<index>(result.labels.size()) != result.images.count)
    fail_in(Exit::data, options.where(labels_key),
            fmt::format("{}: expected {} labels, one for each image of {}, found {}", labels,
                        result.images.count, images, result.labels.size()));
  return result;
}

void check_labels(const std::string& path, const std::vector<std::uint8_t>& labels, index classes) {
  if (classes == 1)
    fail(Exit::data, path + ": expected labels of at least two classes, found only label 0");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      fail(Exit::data, fmt::format("{}: expected labels 0 .. {}, found {} at example {}", path,
                                   classes - 1, labels[i], i));
}

std::string hash_of(const Examples& examples) {
  const IdxImages& images = examples.images;
  return fmt::format(" {}x{} {} {}", images.height, images.width,
                     sha256_hex(images.pixels.data(), images.pixels.size()),
                     sha256_hex(examples.labels.data(), examples.labels.size()));
}

std::string size_of(const IdxImages& images) {
  return fmt::format("{} x {}", images.height, images.width);
}

// A range of examples.
struct Part {
  const Examples* examples;
  index first, count;
};

class Images final : public Dataset {
 public:
  // `test` is empty (no images) if the validation split is the end of `train`.
  Images(Examples train, Examples test, index train_count, index held_out, index patch,
         index classes, bool class_domains)
      : files_{std::move(train), std::move(test)}, patch_(patch) {
    const IdxImages& images = files_[0].images;
    const bool own_file = files_[1].images.count > 0;
    train_ = {&files_[0], 0, train_count};
    validation_ = own_file ? Part{&files_[1], 0, files_[1].images.count}
                           : Part{&files_[0], images.count - held_out, held_out};
    info_.length = (images.height / patch) * (images.width / patch);
    info_.features = patch * patch;
    info_.classes = classes;
    info_.train_size = train_.count;
    info_.validation_size = info_.validation_rows = validation_.count;
    if (class_domains)
      for (index c = 0; c < classes; ++c) info_.domains.push_back(std::to_string(c));
    standardise();
    const std::string determined =
        fmt::format("train {} validation {} patch {}", train_.count, validation_.count, patch) +
        hash_of(files_[0]) + hash_of(files_[1]);
    info_.sha256 = sha256_hex(determined.data(), determined.size());
  }

  const DatasetInfo& info() const override { return info_; }

  // Training goes through the split in epochs, each in another order; a batch may lie across two of
  // them.
  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    const bool train = split == Split::train;
    const Part& part = train ? train_ : validation_;
    const Rows rows =
        train ? Rows{step * batch_size, batch_size} : rows_of_step(step, batch_size, part.count);
    Batch result{rows.count, info_.length, {}, {}, {}, {}};
    for (index row = rows.first; row < rows.first + rows.count; ++row) {
      const index example = train ? shuffled(row % part.count, part.count, seed, row / part.count)
                                  : spread(row, part.count);
      append(result, *part.examples, part.first + example);
    }
    return result;
  }

 private:
  void standardise() {
    const auto size =
        static_cast<std::size_t>(train_.count * files_[0].images.height * files_[0].images.width);
    double sum = 0, squares = 0;  // of whole numbers: exact up to 2^53
    for (std::size_t i = 0; i < size; ++i) {
      const double value = files_[0].images.pixels[i];
      sum += value;
      squares += value * value;
    }
    const double mean = sum / static_cast<double>(size);
    const double variance = squares / static_cast<double>(size) - mean * mean;
    const double deviation = variance > 0 ? std::sqrt(variance) : 1;
    for (int value = 0; value < 256; ++value)
      feature_[value] = static_cast<float>((value - mean) / deviation);
  }

  void append(Batch& batch, const Examples& examples, index example) const {
    const IdxImages& images = examples.images;
    const std::uint8_t* const image = images.pixels.data() + example * images.height * images.width;
    for (index top = 0; top < images.height; top += patch_)
      for (index left = 0; left < images.width; left += patch_)
        for (index y = top; y < top + patch_; ++y)
          for (index x = left; x < left + patch_; ++x)
            batch.features.push_back(feature_[image[y * images.width + x]]);
    const std::int32_t label = examples.labels[example];
    batch.targets.push_back(label);
    if (!info_.domains.empty()) batch.domains.insert(batch.domains.end(), info_.length, label);
  }

  Examples files_[2];
  Part train_, validation_;
  index patch_;
  // The feature of every value of a pixel. Scaling to [0, 1] first would cancel.
  float feature_[256];
  DatasetInfo info_;
};

}  // namespace

std::unique_ptr<Dataset> make_idx(Options& options) {
  const std::string root = data_root(options);
  const auto file = [&](const char* key, const char* help) {
    return under_root(root, options.text(key, "", help));
  };
  const std::string images = file("images", "IDX file of images, plain or gzip");
  const std::string labels = file("labels", "IDX file of their labels");
  const std::string test_images = file("test_images", "IDX file of validation images, if apart");
  const std::string test_labels = file("test_labels", "IDX file of their labels");
  index train_count =
      options.integer("train", 0, {0, IntegerRange{}.high},
                      "training examples, from the beginning; 0: all that are not held out");
  const index test =
      options.integer("test", 2000, {1, IntegerRange{}.high},
                      "examples at the end held out for validation if there are no test files");
  const index patch = options.integer("patch", 7, {1, 4096}, "side of a patch in pixels");
  index classes = options.integer("classes", 0, {0, 256},
                                  "number of classes; 0: the largest training label plus 1");
  const bool class_domains = options.choice("domains", "label", {"label", "none"},
                                            "what loads are resolved by") == "label";

  if (images.empty()) options.reject("images", "expected a file");
  if (labels.empty()) options.reject("labels", "expected a file");
  const bool own_file = !test_images.empty();
  if (own_file == test_labels.empty())
    options.reject(own_file ? "test_labels" : "test_images",
                   "test images and test labels go together");

  Examples train = read_examples(options, "images", "labels", images, labels);
  Examples validation =
      own_file ? read_examples(options, "test_images", "test_labels", test_images, test_labels)
               : Examples{};
  const IdxImages& shape = train.images;
  if (own_file && size_of(validation.images) != size_of(shape))
    fail_in(Exit::data, options.where("test_images"),
            fmt::format("{}: expected images of {} pixels as in {}, found {}", test_images,
                        size_of(shape), images, size_of(validation.images)));
  if (shape.height % patch != 0 || shape.width % patch != 0)
    options.reject("patch",
                   fmt::format("does not divide the {} pixels of {}", size_of(shape), images));
  const index held_out = own_file ? 0 : test;
  const index available = shape.count - held_out;
  if (available < 1)
    options.reject("test", fmt::format("leaves nothing to train on; {} holds {} examples", images,
                                       shape.count));
  if (train_count > available)
    options.reject("train",
                   fmt::format("{} holds {} examples that are not held out", images, available));
  if (train_count == 0) train_count = available;
  const auto& pixels = train.images.pixels;
  if (std::all_of(pixels.begin(), pixels.begin() + train_count * shape.height * shape.width,
                  [&](std::uint8_t pixel) { return pixel == pixels.front(); }))
    fail_in(Exit::data, options.where("images"),
            images + ": expected images that differ, found the same value in every pixel");
  if (classes == 0) classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
  within([&] { return options.where("labels"); },
         [&] { check_labels(labels, train.labels, classes); });
  within([&] { return options.where("test_labels"); },
         [&] { check_labels(test_labels, validation.labels, classes); });
  return std::make_unique<Images>(std::move(train), std::move(validation), train_count, held_out,
                                  patch, classes, class_domains);
}

}  // namespace moesim
