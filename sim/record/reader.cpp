#include "sim/record/reader.hpp"

#include "sim/core/error.hpp"
#include "sim/io/file.hpp"
#include "sim/record/decode.hpp"
#include "sim/record/isolate.hpp"
#include "sim/record/limits.hpp"
#include "sim/record/mistaken.hpp"
#include "sim/record/pack.hpp"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <functional>
#include <new>
#include <optional>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace moesim {
namespace {

constexpr char kPart = 'p', kCheck = 'c';  // the first byte of a request
constexpr std::uint64_t kLongest = 4 * kMaxExcerpt;

bool transfer(std::size_t size, const std::function<ssize_t(std::size_t done)>& part) {
  for (std::size_t done = 0; done < size;) {
    const ssize_t count = part(done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool send_frame(int socket, const std::string& bytes) {
  const std::uint64_t size = bytes.size();
  const std::string frame = std::string(reinterpret_cast<const char*>(&size), sizeof size) + bytes;
  return transfer(frame.size(), [&](std::size_t done) {
    return ::send(socket, frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
  });
}

std::optional<std::string> receive_frame(int socket) {
  std::uint64_t size = 0;
  const auto take = [&](void* into, std::size_t bytes) {
    return transfer(bytes, [&](std::size_t done) {
      return ::recv(socket, static_cast<char*>(into) + done, bytes - done, 0);
    });
  };
  if (!take(&size, sizeof size) || size > kLongest) return std::nullopt;
  std::string bytes(size, '\0');
  if (!take(bytes.data(), bytes.size())) return std::nullopt;
  return bytes;
}

// Encodes a request to the child: a list of texts.
std::string joined_texts(const std::vector<std::string>& texts) {
  std::string all;
  for (const std::string& text : texts) all += text + '\0';
  return all;
}

std::vector<std::string> split_texts(const std::string& all) {
  std::vector<std::string> texts;
  for (std::size_t from = 0, to; from < all.size(); from = to + 1) {
    to = all.find('\0', from);
    texts.push_back(all.substr(from, to - from));
  }
  return texts;
}

std::string answer(const std::string& question, const CallersLimits& callers) {
  const std::vector<std::string> texts = split_texts(question.substr(1));
  const std::string& path = texts.at(0);
  Allowance allowance{.cpu_seconds = 5, .bytes = 8 * kMaxChunkBytes};
  if (question[0] == kCheck) {
    std::error_code error;
    const auto size = std::filesystem::file_size(path, error);
    if (!error) allowance.cpu_seconds += readable_bytes_of(size) >> 27;
    return restricted(allowance, callers, [&] { return pack(decode_checked(path)); });
  }
  Excerpt excerpt;
  std::size_t i = 1;
  for (; !texts.at(i).empty(); ++i) excerpt.attributes.push_back(texts[i]);
  for (++i; i + 2 < texts.size(); i += 3) {
    excerpt.last_rows[texts[i]] = std::stoll(texts[i + 1]);
    if (!texts[i + 2].empty()) excerpt.first_row[texts[i]] = std::stoll(texts[i + 2]);
  }
  return restricted(allowance, callers, [&] { return pack(decode(path, excerpt)); });
}

void serve(int socket) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const CallersLimits callers = callers_limits();
  while (const auto question = receive_frame(socket))
    if (!send_frame(socket, answer(*question, callers))) return;
}

// Explains why a file cannot be opened, because HDF5 does not.
void require_readable(const std::string& path) {
  try {
    const InputFile opens(path);
  } catch (const Unreadable&) {
    throw;
  } catch (const Error&) {
    // For example an empty file; the read reports it.
  }
}

template <class Work>
RunFile about(const std::string& path, const Work& work) {
  try {
    size_of_file(path);  // a missing file is detected without a process
    require_readable(path);
    return unpack(work());
  } catch (const std::bad_alloc&) {
    throw;  // not the file's fault
  } catch (const Unreadable&) {
    throw;  // not the file's fault either
  } catch (const std::exception& problem) {
    const std::string mistaken = mistaken_file(path);
    fail(Exit::data,
         path + ": not a readable run file: " + (mistaken.empty() ? problem.what() : mistaken));
  }
}

}  // namespace

void RunReader::start() {
  int ends[2];
  const auto refused = [] { fail_short("cannot start a process to read run files", errno); };
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) refused();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::close(ends[0]);
    serve(ends[1]);
    ::_exit(0);
  }
  ::close(ends[1]);
  socket_ = ends[0];
  if (pid_ > 0) return;
  pid_ = 0;
  ::close(std::exchange(socket_, -1));
  refused();
}

int RunReader::end() {
  if (pid_ <= 0) return 0;
  ::close(std::exchange(socket_, -1));
  ::kill(pid_, SIGKILL);  // a child that is already dead keeps its status
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  return status;
}

std::string RunReader::ask_once(const std::string& question) {
  if (pid_ == 0) start();
  std::optional<std::string> reply;
  if (send_frame(socket_, question)) reply = receive_frame(socket_);
  if (!reply || reply->empty()) throw_death(end());
  try {
    return result_of(*reply);
  } catch (...) {
    end();
    throw;
  }
}

std::string RunReader::ask(const std::string& question) {
  const bool fresh = pid_ == 0;
  try {
    return ask_once(question);
  } catch (const Shortage&) {
    throw;
  } catch (const std::runtime_error&) {
    if (fresh) throw;
  }
  return ask_once(question);
}

RunFile RunReader::read(const std::string& path, const Excerpt& excerpt) {
  std::vector<std::string> texts = {path};
  texts.insert(texts.end(), excerpt.attributes.begin(), excerpt.attributes.end());
  texts.emplace_back();
  for (const auto& [name, rows] : excerpt.last_rows) {
    texts.push_back(name);
    texts.push_back(std::to_string(rows));
    const auto first = excerpt.first_row.find(name);
    texts.push_back(first == excerpt.first_row.end() ? "" : std::to_string(first->second));
  }
  return about(path, [&] { return ask(kPart + joined_texts(texts)); });
}

CheckedRun RunReader::check(const std::string& path) {
  CheckedRun checked{about(path, [&] { return ask(kCheck + joined_texts({path})); })};
  checked.rewritten_by = checked.attributes.text(kRewrittenBy);
  const auto holds = checked.attributes.attributes().find(kDigestHolds);
  checked.digest_holds =
      holds != checked.attributes.attributes().end() && holds->second == Attribute(std::int64_t{1});
  return checked;
}

}  // namespace moesim
