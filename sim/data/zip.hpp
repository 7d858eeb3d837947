// Reads ZIP archives, such as NumPy's .npz: members that are stored or deflated, without encryption
// and below 4 GB.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

bool is_zip(std::string_view begin);

// ZipMember is an entry of the archive's directory, checked against the archive.
struct ZipMember {
  std::string name;
  bool deflated = false;
  std::uint64_t begin = 0;   // offset of its data in the archive
  std::uint64_t packed = 0;  // bytes of its data
  std::uint64_t bytes = 0;   // the same, unpacked
  std::uint32_t crc = 0;
};

// The members in the order of the directory, with distinct names. Throws Exit::data.
std::vector<ZipMember> zip_members(const std::string& path, std::string_view archive);

// The contents of a member: a part of the archive, or unpacked into `room`. Throws Exit::data if
// they are damaged, or more than `limit` bytes.
std::string_view unzipped(const std::string& path, std::string_view archive,
                          const ZipMember& member, std::uint64_t limit, std::string& room);

}  // namespace moesim
