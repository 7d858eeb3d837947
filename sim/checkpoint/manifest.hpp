// Manifest is the table of contents of a checkpoint: its CheckpointInfo, and size and SHA-256 of
// each file. Its last entry is the SHA-256 of the other entries, so that damage to the manifest
// itself is detected.
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

// Reads the manifest of the checkpoint in this folder. Throws Exit::data if it is damaged or
// incomplete, Unreadable if it has another format.
Manifest read_manifest(const std::filesystem::path& folder);

// Reads a file of the checkpoint and verifies its size and SHA-256. Throws Exit::data.
std::string read_vouched(const Manifest& manifest, const std::filesystem::path& folder,
                         const std::string& name);

// Throws Exit::data: "PATH: PROBLEM".
[[noreturn]] void damaged(const std::filesystem::path& path, const std::string& problem);

}  // namespace moesim
