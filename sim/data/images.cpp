#include "sim/data/images.hpp"

#include "sim/core/error.hpp"
#include "sim/data/order.hpp"
#include "sim/io/sha256.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace moesim {
namespace {

void check_labels(const std::string& path, const std::vector<std::uint8_t>& labels, index classes) {
  if (classes == 1)
    fail(Exit::data, path + ": expected labels of at least two classes, found only label 0");
  for (std::size_t i = 0; i < labels.size(); ++i)
    if (labels[i] >= classes)
      fail(Exit::data, fmt::format("{}: expected labels 0 .. {}, found {} at example {}", path,
                                   classes - 1, labels[i], i));
}

std::string size_of(const ImageStack& images, const char* times = " x ") {
  std::string size = fmt::format("{}{}{}", images.height, times, images.width);
  if (images.channels > 1) size += fmt::format("{}{}", times, images.channels);
  return size;
}

std::string hash_of(const LabelledImages& examples) {
  const ImageStack& images = examples.images;
  return fmt::format(" {} {} {}", size_of(images, "x"),
                     sha256_hex(images.pixels.data(), images.pixels.size()),
                     sha256_hex(examples.labels.data(), examples.labels.size()));
}

// The examples of one split: a range.
struct Part {
  const LabelledImages* examples;
  index first, count;
};

class Images final : public Dataset {
 public:
  // If `test` has no images, the validation split is the end of `train`.
  Images(LabelledImages train, LabelledImages test, index train_count, index held_out, index patch,
         index classes, bool class_domains)
      : files_{std::move(train), std::move(test)}, patch_(patch) {
    const ImageStack& images = files_[0].images;
    const bool own_file = files_[1].images.count > 0;
    train_ = {&files_[0], 0, train_count};
    validation_ = own_file ? Part{&files_[1], 0, files_[1].images.count}
                           : Part{&files_[0], images.count - held_out, held_out};
    info_.length = (images.height / patch) * (images.width / patch);
    info_.features = patch * patch * images.channels;
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

  // Training visits the split in epochs, each in a new order; a batch may span two epochs.
  Batch batch(Split split, std::uint64_t seed, index step, index batch_size) const override {
    const bool train = split == Split::train;
    const Part& part = train ? train_ : validation_;
    const BatchRows rows = train ? BatchRows{step * batch_size, batch_size}
                                 : rows_of_step(step, batch_size, part.count);
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
    const ImageStack& images = files_[0].images;
    const index area = images.height * images.width;
    feature_.resize(static_cast<std::size_t>(images.channels));
    for (index channel = 0; channel < images.channels; ++channel) {
      double sum = 0, squares = 0;  // sums of integers: exact up to 2^53
      for (index i = 0; i < train_.count; ++i) {
        const std::uint8_t* const plane =
            images.pixels.data() + (i * images.channels + channel) * area;
        for (index at = 0; at < area; ++at) {
          const double value = plane[at];
          sum += value;
          squares += value * value;
        }
      }
      const auto size = static_cast<double>(train_.count * area);
      const double mean = sum / size;
      const double variance = squares / size - mean * mean;
      const double deviation = variance > 0 ? std::sqrt(variance) : 1;
      for (std::size_t value = 0; value < 256; ++value)
        feature_[static_cast<std::size_t>(channel)][value] =
            static_cast<float>((static_cast<double>(value) - mean) / deviation);
    }
  }

  void append(Batch& batch, const LabelledImages& examples, index example) const {
    const ImageStack& images = examples.images;
    const index area = images.height * images.width;
    const std::uint8_t* const image = images.pixels.data() + example * images.channels * area;
    for (index top = 0; top < images.height; top += patch_)
      for (index left = 0; left < images.width; left += patch_)
        for (index y = top; y < top + patch_; ++y)
          for (index x = left; x < left + patch_; ++x)
            for (index channel = 0; channel < images.channels; ++channel)
              batch.features.push_back(feature_[static_cast<std::size_t>(channel)]
                                               [image[channel * area + y * images.width + x]]);
    const std::int32_t label = examples.labels[example];
    batch.targets.push_back(label);
    if (!info_.domains.empty()) batch.domains.insert(batch.domains.end(), info_.length, label);
  }

  LabelledImages files_[2];
  Part train_, validation_;
  index patch_;
  // [channel, pixel value] -> feature. Scaling pixels to [0, 1] first would cancel out.
  std::vector<std::array<float, 256>> feature_;
  DatasetInfo info_;
};

}  // namespace

ImageOptions image_options(Options& options, index patch) {
  ImageOptions chosen{};
  chosen.train = options.integer("train", 0, {0, IntegerRange{}.high},
                                 "number of training examples, from the first; 0: all that are not "
                                 "held out");
  chosen.test =
      options.integer("test", 2000, {1, IntegerRange{}.high},
                      "number of last examples held out for validation if there are no test files");
  chosen.patch = options.integer("patch", patch, {1, 4096}, "side of a patch in pixels");
  chosen.class_domains = options.choice("domains", "label", {"label", "none"},
                                        "domains by which expert loads are recorded") == "label";
  return chosen;
}

std::unique_ptr<Dataset> image_data(const Options& options, const ImageOptions& chosen,
                                    LabelledImages train, LabelledImages validation,
                                    index classes) {
  const bool own_file = validation.images.count > 0;
  const ImageStack& shape = train.images;
  const index patch = chosen.patch;
  if (own_file && size_of(validation.images) != size_of(shape))
    fail_in(Exit::data, options.where(validation.key),
            fmt::format("{}: expected images of {} pixels as in {}, found {}", validation.file,
                        size_of(shape), train.file, size_of(validation.images)));
  if (shape.height % patch != 0 || shape.width % patch != 0)
    options.reject("patch",
                   fmt::format("does not divide the {} pixels of {}", size_of(shape), train.file));
  const index held_out = own_file ? 0 : chosen.test;
  const index available = shape.count - held_out;
  if (available < 1)
    options.reject("test", fmt::format("leaves nothing to train on; {} holds {} examples",
                                       train.file, shape.count));
  if (chosen.train > available)
    options.reject(
        "train", fmt::format("{} holds {} examples that are not held out", train.file, available));
  const index train_count = chosen.train == 0 ? available : chosen.train;
  const auto& pixels = shape.pixels;
  const index image = shape.channels * shape.height * shape.width;
  if (std::all_of(pixels.begin(), pixels.begin() + train_count * image,
                  [&](std::uint8_t pixel) { return pixel == pixels.front(); }))
    fail_in(Exit::data, options.where(train.key),
            train.file + ": expected images that differ, found the same value in every pixel");
  if (classes == 0) classes = 1 + *std::max_element(train.labels.begin(), train.labels.end());
  for (const LabelledImages* each : {&train, &validation})
    if (each->images.count > 0)
      within([&] { return options.where(each->label_key); },
             [&] { check_labels(each->label_file, each->labels, classes); });
  return std::make_unique<Images>(std::move(train), std::move(validation), train_count, held_out,
                                  patch, classes, chosen.class_domains);
}

}  // namespace moesim
