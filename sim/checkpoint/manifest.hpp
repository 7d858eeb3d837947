// The manifest of a checkpoint: what it is, and the size and SHA-256 of each of its files. Its last
// entry is the SHA-256 of the others, so that it vouches for itself.
#pragma once

#include "sim/checkpoint/checkpoint.hpp"

#include <filesystem>

namespace moesim {

inline constexpr const char* kManifest = "manifest.json";

struct Manifest {
  struct File {
    std::uint64_t bytes = 0;
    std::string sha256;
  };
  CheckpointInfo info;
  std::map<std::string, File> files;  // by name
};

std::string manifest_of(const CheckpointInfo& info, const std::vector<FileContent>& files);

// Of the checkpoint in this folder. Throws Exit::data if it is damaged or incomplete, Unreadable if
// it is of another format.
Manifest read_manifest(const std::filesystem::path& folder);

// A file with the size and the SHA-256 that the manifest says. Throws Exit::data.
std::string read_vouched(const Manifest& manifest, const std::filesystem::path& folder,
                         const std::string& name);

// Throws Exit::data: "PATH: PROBLEM".
[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& problem);

}  // namespace moesim
