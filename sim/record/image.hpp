// Image is the bytes of an encoded run file that is not on disk yet. Chunks stay in the BlockStore
// until they are written, so they are never in memory together.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace moesim {

class ImageContent;

class Image {
 public:
  explicit Image(std::shared_ptr<const ImageContent> content) : content_(std::move(content)) {}

  std::uint64_t size() const;
  // Calls part() with consecutive pieces of the file.
  void each(const std::function<void(std::string_view)>& part) const;
  std::string bytes() const;
  std::string sha256() const;
  // Writes the file like publish_bytes.
  void publish(const std::string& path) const;

 private:
  std::shared_ptr<const ImageContent> content_;
};

}  // namespace moesim
