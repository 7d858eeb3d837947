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
void write_through(const std::string& out, const Pieces& pieces) {
  const int file = ::open(out.c_str(), O_WRONLY | O_CLOEXEC | O_NOCTTY);
  if (file < 0) cannot_write(out, errno);
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
  if (reason != 0 && reason != EPIPE) cannot_write(out, reason);
}

}  // namespace

void write_output(const std::string& out, const Pieces& pieces) {
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
  if (fs::exists(status) && !fs::is_regular_file(status)) return write_through(out, pieces);
  publish_pieces(out, pieces);
}

void write_output(const std::string& out, std::string_view bytes) {
  write_output(out, [bytes](const std::function<void(std::string_view)>& take) { take(bytes); });
}

}  // namespace moesim
