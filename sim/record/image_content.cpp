#include "sim/record/image_content.hpp"

#include <algorithm>
#include <cstring>

#if H5_VERSION_GE(1, 13, 0)
#include <H5FDdevelop.h>
#endif

namespace moesim {
namespace {

constexpr haddr_t kMostBytes = haddr_t{1} << 62;

// The driver's file object. HDF5 requires H5FD_t as the first member.
struct File {
  H5FD_t known;
  ImageContent* content;
};

ImageContent& content_of(const H5FD_t* file) {
  return *reinterpret_cast<const File*>(file)->content;
}

extern "C" {

H5FD_t* image_open(const char*, unsigned, hid_t access, haddr_t) {
  auto* const* content = static_cast<ImageContent* const*>(H5Pget_driver_info(access));
  return content == nullptr ? nullptr : &(new File{{}, *content})->known;
}

herr_t image_close(H5FD_t* file) {
  delete reinterpret_cast<File*>(file);
  return 0;
}

herr_t image_query(const H5FD_t*, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
           H5FD_FEAT_AGGREGATE_SMALLDATA;
  return 0;
}

haddr_t image_get_eoa(const H5FD_t* file, H5FD_mem_t) { return content_of(file).size(); }

herr_t image_set_eoa(H5FD_t* file, H5FD_mem_t, haddr_t end) {
  content_of(file).resize(end);
  return 0;
}

haddr_t image_get_eof(const H5FD_t* file, H5FD_mem_t) { return content_of(file).written(); }

// Exceptions must not propagate through C.
herr_t image_read(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, size_t size, void* bytes) {
  try {
    return content_of(file).read(at, static_cast<char*>(bytes), size) ? 0 : -1;
  } catch (const std::exception&) {
    return -1;
  }
}

herr_t image_write(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t at, size_t size, const void* bytes) {
  try {
    content_of(file).write(at, {static_cast<const char*>(bytes), size});
    return 0;
  } catch (const std::exception&) {
    return -1;
  }
}

}  // extern "C"

H5FD_class_t driver_class() {
  H5FD_class_t driver{};
#if H5_VERSION_GE(1, 13, 0)
  driver.version = H5FD_CLASS_VERSION;
  driver.value =
      static_cast<H5FD_class_value_t>(600);  // numbers below 256 are reserved for the library
#endif
  driver.name = "moesim_image";
  driver.maxaddr = kMostBytes;
  driver.fc_degree = H5F_CLOSE_WEAK;
  driver.fapl_size = sizeof(ImageContent*);
  driver.open = image_open;
  driver.close = image_close;
  driver.query = image_query;
  driver.get_eoa = image_get_eoa;
  driver.set_eoa = image_set_eoa;
  driver.get_eof = image_get_eof;
  driver.read = image_read;
  driver.write = image_write;
  const H5FD_mem_t lists[H5FD_MEM_NTYPES] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(lists), std::end(lists), driver.fl_map);
  return driver;
}

}  // namespace

hdf5::Handle ImageContent::access() {
  const H5FD_class_t described = driver_class();
  const hdf5::Handle driver(H5FDregister(&described), H5FDunregister, "cannot make a driver");
  hdf5::Handle access = hdf5::property_list(H5P_FILE_ACCESS);
  ImageContent* self = this;
  hdf5::check(H5Pset_driver(access, driver, &self), "cannot choose the file driver");
  return access;
}

void ImageContent::write(std::uint64_t at, std::string_view bytes) {
  written_ = std::max(written_, at + bytes.size());
  if (!bytes.empty() && bytes.data() == lent_.data() && bytes.size() == lent_.size()) {
    chunks_[at] = block_;
    lent_ = {};
    return;
  }
  while (!bytes.empty()) {
    std::vector<char>& page = pages_[at / kPage];
    if (page.empty()) page.resize(kPage);
    const std::size_t from = at % kPage, size = std::min(bytes.size(), kPage - from);
    std::copy_n(bytes.data(), size, page.data() + from);
    bytes.remove_prefix(size);
    at += size;
  }
}

bool ImageContent::read(std::uint64_t at, char* bytes, std::size_t size) const {
  // HDF5 never reads back a chunk that is stored by reference.
  const auto next = chunks_.upper_bound(at);
  if (next != chunks_.end() && next->first < at + size) return false;
  if (next != chunks_.begin() && std::prev(next)->first + std::prev(next)->second.bytes > at)
    return false;
  while (size > 0) {
    const std::size_t from = at % kPage, part = std::min(size, kPage - from);
    const auto page = pages_.find(at / kPage);
    if (page == pages_.end())
      std::fill_n(bytes, part, '\0');
    else
      std::copy_n(page->second.data() + from, part, bytes);
    bytes += part, at += part, size -= part;
  }
  return true;
}

void ImageContent::each(const std::function<void(std::string_view)>& part) const {
  static const std::vector<char> kNothing(kPage, '\0');
  auto chunk = chunks_.begin();
  auto page = pages_.begin();
  for (std::uint64_t at = 0; at < end_;) {
    if (chunk != chunks_.end() && chunk->first == at) {
      part(store_->read(chunk->second));
      at += chunk->second.bytes;
      ++chunk;
      continue;
    }
    while (page != pages_.end() && page->first < at / kPage) ++page;
    const bool there = page != pages_.end() && page->first == at / kPage;
    const std::uint64_t next = chunk == chunks_.end() ? end_ : std::min(end_, chunk->first);
    const std::size_t from = at % kPage;
    const std::size_t size = std::min<std::uint64_t>(next - at, kPage - from);
    part({(there ? page->second : kNothing).data() + from, size});
    at += size;
  }
}

}  // namespace moesim
