// The data set "cifar": CIFAR-10 and CIFAR-100 (Krizhevsky 2009) in their binary version. A record
// is a label (two for CIFAR-100, coarse first) and 32 x 32 red, green and blue pixels. The file
// size identifies the data set: a multiple of 3073 or of 3074 bytes.
#include "sim/core/error.hpp"
#include "sim/data/datasets.hpp"
#include "sim/data/images.hpp"
#include "sim/data/root.hpp"
#include "sim/io/file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

namespace moesim {
namespace {

constexpr index kSide = 32, kPixels = 3 * kSide * kSide;

struct Cifar {
  LabelledImages examples;
  index label_bytes = 0;  // labels of a record; 0: no file has been read yet
};

void add_file(const std::string& path, bool coarse, Cifar& all) {
  const std::string bytes = read_file(path, kMaxDataBytes - all.examples.images.pixels.size());
  const auto fits = [&](index labels) {
    return static_cast<index>(bytes.size()) % (labels + kPixels) == 0 &&
           (all.label_bytes == 0 || all.label_bytes == labels);
  };
  const index labels = fits(1) ? 1 : fits(2) ? 2 : 0;
  if (labels == 0)
    fail(Exit::data,
         fmt::format("{}: expected {}, found {} bytes", path,
                     all.label_bytes == 1   ? "records of 3073 bytes, as before"
                     : all.label_bytes == 2 ? "records of 3074 bytes, as before"
                                            : "records of 3073 bytes (CIFAR-10) or of 3074 "
                                              "(CIFAR-100)",
                     bytes.size()));
  all.label_bytes = labels;
  ImageStack& images = all.examples.images;
  for (std::size_t at = 0; at < bytes.size(); at += static_cast<std::size_t>(labels + kPixels)) {
    const std::size_t label = at + (labels == 2 && !coarse ? 1 : 0);
    all.examples.labels.push_back(static_cast<std::uint8_t>(bytes[label]));
    const auto pixels = bytes.begin() + static_cast<std::ptrdiff_t>(at) + labels;
    images.pixels.insert(images.pixels.end(), pixels, pixels + kPixels);
    ++images.count;
  }
}

Cifar read_cifar(const std::vector<std::string>& files, const std::string& key, bool coarse) {
  Cifar all;
  all.examples.images.height = all.examples.images.width = kSide;
  all.examples.images.channels = 3;
  all.examples.file = all.examples.label_file = files.front();
  all.examples.key = all.examples.label_key = key;
  for (const std::string& file : files) add_file(file, coarse, all);
  return all;
}

// The training files and the validation file of an unpacked folder.
struct Unpacked {
  std::vector<std::string> train;
  std::string validation;
};
Unpacked unpacked(const std::string& folder) {
  const auto has = [&folder](const std::string& name) {
    std::error_code error;
    return std::filesystem::exists(folder + "/" + name, error);
  };
  if (has("train.bin"))
    return {{folder + "/train.bin"}, has("test.bin") ? folder + "/test.bin" : ""};
  Unpacked found;
  for (int i = 1; i <= 5; ++i)
    if (const std::string name = fmt::format("data_batch_{}.bin", i); has(name))
      found.train.push_back(folder + "/" + name);
  if (has("test_batch.bin")) found.validation = folder + "/test_batch.bin";
  return found;
}

}  // namespace

std::unique_ptr<Dataset> make_cifar(Options& options) {
  const std::string root = data_root(options);
  const std::string path = options.text(
      "path", "",
      "folder as it is unpacked (cifar-10-batches-bin, cifar-100-binary), file or pattern");
  const std::string held_out = options.text(
      "validation", "",
      "file or pattern of validation; empty: test_batch.bin or test.bin of the folder, "
      "else the last examples");
  const bool coarse =
      options.choice("label", "fine", {"fine", "coarse"},
                     "of CIFAR-100: 100 classes, or 20 that these belong to") == "coarse";
  const ImageOptions chosen = image_options(options, 4);
  if (path.empty()) options.reject("path", "expected a folder or files");

  std::vector<std::string> validation_files;
  Cifar train = within([&] { return options.where("path"); },
                       [&] {
                         Unpacked folder = unpacked(under_root(root, path));
                         if (!folder.validation.empty() && held_out.empty())
                           validation_files.push_back(folder.validation);
                         if (folder.train.empty()) folder.train = match_files(path, root, {".bin"});
                         return read_cifar(folder.train, "path", coarse);
                       });
  if (coarse && train.label_bytes == 1)
    options.reject("label", train.examples.file + " is CIFAR-10, which has no coarse labels");
  const std::string key = held_out.empty() ? "path" : "validation";
  Cifar validation =
      within([&] { return options.where(key); },
             [&] {
               if (!held_out.empty()) validation_files = match_files(held_out, root, {".bin"});
               if (validation_files.empty()) return Cifar{};
               Cifar found = read_cifar(validation_files, key, coarse);
               if (found.label_bytes != train.label_bytes)
                 fail(Exit::data, fmt::format("{}: expected records of {} bytes as in {}, found {}",
                                              found.examples.file, train.label_bytes + kPixels,
                                              train.examples.file, found.label_bytes + kPixels));
               return found;
             });
  const index classes = train.label_bytes == 1 ? 10 : coarse ? 20 : 100;
  return image_data(options, chosen, std::move(train.examples), std::move(validation.examples),
                    classes);
}

}  // namespace moesim
