// Labelled images as a data set: each is cut into square patches, a sequence of height x width /
// patch^2 positions, row by row, with the pixels of its patch as features: row by row, the channels
// of a pixel side by side. Each channel is standardised by mean and deviation of its training
// pixels.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

struct ImageStack {
  index count = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [count, channels, height, width]
  index channels = 1;
};

// Images with their labels, and where they come from, for messages: files, and the options that
// name them.
struct LabelledImages {
  ImageStack images;
  std::vector<std::uint8_t> labels;
  std::string file, label_file;
  std::string key, label_key;
};

// The options that all of these data sets have.
struct ImageOptions {
  index train, test, patch;
  bool class_domains;
};
ImageOptions image_options(Options& options, index patch);

// `validation` is empty (no images) if the end of `train` is held out. 0 classes: the largest
// training label plus 1. Throws for options that do not fit the images (exit 2), and for labels and
// images that cannot be meant (exit 3).
std::unique_ptr<Dataset> image_data(const Options& options, const ImageOptions& chosen,
                                    LabelledImages train, LabelledImages validation, index classes);

}  // namespace moesim
