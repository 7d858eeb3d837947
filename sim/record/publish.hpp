// Files and folders that appear whole or not at all.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// Writes a temporary (".NAME.tmp-PID") beside `path`, fsyncs it, renames it to `path` and fsyncs
// the folder. Throws Exit::output with the path and the system's reason; the temporary is gone then
// and `path` is as it was.
void publish_bytes(const std::string& path, std::string_view bytes);

// A file whose content is in pieces, one after the other.
struct FileContent {
  std::string name;
  std::vector<std::string_view> pieces;
};

// The same for a folder and what it holds; `path` must not exist.
void publish_folder(const std::string& path, const std::vector<FileContent>& files);

// Removes the temporaries that a killed process left in `folder`. Nobody else may be writing there.
void remove_temporaries(const std::string& folder);

}  // namespace moesim
