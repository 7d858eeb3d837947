#include "sim/record/image.hpp"

#include "sim/io/publish.hpp"
#include "sim/io/sha256.hpp"
#include "sim/record/image_content.hpp"

namespace moesim {

std::uint64_t Image::size() const { return content_->size(); }

void Image::each(const std::function<void(std::string_view)>& part) const { content_->each(part); }

std::string Image::bytes() const {
  std::string all;
  all.reserve(size());
  each([&](std::string_view part) { all += part; });
  return all;
}

std::string Image::sha256() const {
  Sha256 sum;
  each([&](std::string_view part) { sum.add(part); });
  return sum.hex();
}

void Image::publish(const std::string& path) const {
  publish_pieces(path, [&](const auto& take) { each(take); });
}

}  // namespace moesim
