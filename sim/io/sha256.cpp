#include "sim/io/sha256.hpp"

#include "sim/core/error.hpp"
#include "sim/io/file.hpp"

#include <openssl/evp.h>

#include <cerrno>
#include <cstring>
#include <unistd.h>

namespace moesim {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  ~State() { EVP_MD_CTX_free(context); }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  if (state_->context == nullptr || EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) != 1)
    fail_in("sha256", "OpenSSL offers no SHA-256");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::add(std::string_view bytes) {
  if (EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) != 1)
    fail_in("sha256", "OpenSSL failed");
}

std::string Sha256::bytes() const {
  const State copy;
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (copy.context == nullptr || EVP_MD_CTX_copy_ex(copy.context, state_->context) != 1 ||
      EVP_DigestFinal_ex(copy.context, digest, &size) != 1)
    fail_in("sha256", "OpenSSL failed");
  return {reinterpret_cast<const char*>(digest), size};
}

std::string Sha256::hex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string hex;
  for (const char byte : bytes()) {
    hex += kDigits[static_cast<unsigned char>(byte) >> 4];
    hex += kDigits[byte & 15];
  }
  return hex;
}

std::string sha256_hex(const void* data, std::size_t bytes) {
  Sha256 sum;
  sum.add({static_cast<const char*>(data), bytes});
  return sum.hex();
}

std::string sha256_of_file(const std::string& path) {
  const InputFile file(path);
  std::string slice(1 << 20, '\0');
  Sha256 sum;
  for (;;) {
    const ssize_t got = ::read(file.descriptor(), slice.data(), slice.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Unreadable(path + ": cannot be read: " + std::strerror(errno));
    if (got == 0) return sum.hex();
    sum.add({slice.data(), static_cast<std::size_t>(got)});
  }
}

}  // namespace moesim
