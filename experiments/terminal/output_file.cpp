#include "experiments/terminal/output_file.hpp"

#include "sim/core/error.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string_view>
#include <unistd.h>

namespace moesim {
namespace {

namespace fs = std::filesystem;

// True for devices and pipes, which a rename would replace with a file.
void write_through(const std::string& out, const Pieces& pieces, const char* option) {
  const int file = ::open(out.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) cannot_write(out, errno, option);
  int reason = 0;
  try {
    pieces([&](std::string_view piece) {
      if (reason == 0) reason = write_all(file, piece);
    });
  } catch (...) {
    ::close(file);
    throw;
  }
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason != 0 && reason != EPIPE) cannot_write(out, reason, option);
}

// A folder with the files that every run has.
bool is_of_a_run(const fs::path& folder) {
  std::error_code error;
  return fs::exists(folder / ".lock", error) && fs::exists(folder / "config.ini", error);
}

}  // namespace

void require_not_of_a_run(const std::string& out) {
  std::error_code error;
  const fs::path target = fs::weakly_canonical(out, error);
  if (error || (!fs::exists(target, error) && target.filename() != "run.h5")) return;
  fs::path folder = target.parent_path();
  for (int above = 0; above < 3; ++above, folder = folder.parent_path())  // checkpoint/step-NUMBER
    if (is_of_a_run(folder))
      fail(Exit::output, out + ": cannot write: it is a file of the run in " + folder.string() +
                             "; name another file");
}

void require_file(const std::string& out) {
  require_not_of_a_run(out);
  std::error_code error;
  const fs::file_status status = fs::status(out, error);
  if (fs::exists(status) && !fs::is_regular_file(status))
    fail(Exit::output, out + ": cannot write: it is no file; name a file");
}

void write_output(const std::string& out, const Pieces& pieces, const char* option) {
  if (out.empty()) {
    pieces([](std::string_view piece) {
      std::cout.write(piece.data(), static_cast<std::streamsize>(piece.size()));
    });
    std::cout << std::flush;
    return;
  }
  std::error_code error;
  const fs::file_status status = fs::status(out, error);
  if (fs::is_directory(status))
    fail(Exit::output, out + ": cannot write: it is a folder; name a file");
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_through(out, pieces, option);
  require_not_of_a_run(out);
  publish_pieces(out, pieces, option);
}

void write_output(const std::string& out, std::string_view bytes, const char* option) {
  write_output(
      out, [bytes](const std::function<void(std::string_view)>& take) { take(bytes); }, option);
}

}  // namespace moesim
