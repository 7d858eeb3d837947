// Files and folders that appear whole or not at all.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace moesim {

// Writes a temporary (".NAME.tmp-PID") beside `path`, fsyncs it, renames it to `path` and fsyncs
// the folder. Throws Exit::output with the path and the system's reason; the temporary is gone then
// and `path` is as it was. A `path` that is a link stays one: what it leads to is replaced.
void publish_bytes(const std::string& path, std::string_view bytes);

// The same for bytes that are never in memory together: `pieces` calls what it is given with one
// after the other.
using Pieces = std::function<void(const std::function<void(std::string_view)>& take)>;
void publish_pieces(const std::string& path, const Pieces& pieces);

// A file whose content is in pieces, one after the other.
struct FileContent {
  std::string name;
  std::vector<std::string_view> pieces;
};

// The same for a folder and what it holds; `path` must not exist.
void publish_folder(const std::string& path, const std::vector<FileContent>& files);

// The path, and where it leads if it is a link: "runs (a link to /scratch/runs)". For messages.
std::string described(const std::string& path);

// Takes a folder away as it appeared, in one step: a process that dies meanwhile leaves a
// temporary, not a folder that lacks files. One that is not there is no error; one that is a link
// stays, and is one.
std::error_code remove_folder(const std::string& path);

// Removes the temporaries (".NAME.tmp-PID") that a killed process left in `folder`. Nobody else may
// be writing there.
void remove_temporaries(const std::string& folder);
// The same where others may be writing, here or on another host: those that are an hour old and
// whose process does not live on this one.
void remove_old_temporaries(const std::string& folder);

// What the above is made of, for files that grow. The first two return 0 or an errno. `path` is
// for the warning of a file system that cannot sync files, which is no failure.
int write_all(int file, std::string_view bytes);
int sync_file(int file, const std::string& path);
[[noreturn]] void cannot_write(const std::string& path, int reason);

}  // namespace moesim
