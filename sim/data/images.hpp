// image_data() makes a data set of labelled images. Each image becomes a sequence of square
// patches, height x width / patch^2 positions in row-major order. The features of a position are
// the pixels of its patch, row by row, with the channels of a pixel adjacent. Each channel is
// standardised with the mean and standard deviation of its training pixels.
#pragma once

#include "sim/config/options.hpp"
#include "sim/data/dataset.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace moesim {

// ImageStack is an array of images of one size.
struct ImageStack {
  index count = 0, height = 0, width = 0;
  std::vector<std::uint8_t> pixels;  // [count, channels, height, width]
  index channels = 1;
};

// LabelledImages is images and labels, with their files and options for messages.
struct LabelledImages {
  ImageStack images;
  std::vector<std::uint8_t> labels;
  std::string file, label_file;
  std::string key, label_key;
};

// ImageOptions is the options that all image data sets share.
struct ImageOptions {
  index train, test, patch;
  bool class_domains;
};
ImageOptions image_options(Options& options, index patch);

// Constructs the data set. If `validation` has no images, the end of `train` is held out. `classes`
// = 0: the largest training label plus 1. Throws for options that do not fit the images (exit 2)
// and for invalid labels and images (exit 3).
std::unique_ptr<Dataset> image_data(const Options& options, const ImageOptions& chosen,
                                    LabelledImages train, LabelledImages validation, index classes);

}  // namespace moesim
