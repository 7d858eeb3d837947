// Writes files and folders atomically: they appear complete or not at all.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

namespace moesim {

// Writes a temporary (".NAME.tmp-PID") in the folder of `path`, fsyncs it, renames it to `path` and
// fsyncs the folder. Throws Exit::output with the path and the system's reason; the temporary is
// then removed and `path` unchanged. If `path` is a link, the target is replaced and the link
// stays.
void publish_bytes(const std::string& path, std::string_view bytes);

// The same for content too large to hold in memory: `pieces` passes the parts to `take` in order.
// option: what gave the path, for errors.
using Pieces = std::function<void(const std::function<void(std::string_view)>& take)>;
void publish_pieces(const std::string& path, const Pieces& pieces, const char* option = "--out");

// FileContent is a file's name and its content, in consecutive pieces.
struct FileContent {
  std::string name;
  std::vector<std::string_view> pieces;
};

// The same for a folder with files; `path` must not exist.
void publish_folder(const std::string& path, const std::vector<FileContent>& files);

// Returns the path for a message, with its target if it is a link: "runs (a link to
// /scratch/runs)".
std::string described(const std::string& path);

// Removes a folder atomically: a process that dies meanwhile leaves a temporary, never a folder
// that lacks files. A missing folder is no error; a link is an error and stays.
std::error_code remove_folder(const std::string& path);

// Removes the temporaries (".NAME.tmp-PID") that a killed process left in `folder`. No other
// process may be writing there.
void remove_temporaries(const std::string& folder);
// The same for a folder in which other processes, here or on other hosts, may be writing: removes
// only temporaries at least an hour old whose process does not run on this host.
void remove_old_temporaries(const std::string& folder);

// Primitives of the above, for files that are appended to. The first two return 0 or an errno. A
// file system that cannot sync files is a warning, which names `path`, and no failure.
int write_all(int file, std::string_view bytes);
int sync_file(int file, const std::string& path);
[[noreturn]] void cannot_write(const std::string& path, int reason, const char* option = "--out");

}  // namespace moesim
