// Wraps the HDF5 C API in RAII classes, used only in this folder and its tests. Every return code
// goes through check() or Handle, so a failed call throws an exception with the library's reason.
#pragma once

// Selects the API of HDF5 1.10, also with newer libraries.
#define H5_USE_110_API
#include <hdf5.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace moesim::hdf5 {

// Failure is a failed HDF5 call or an invalid file. what() is the reason; callers that know the
// path turn it into an Error.
class Failure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// The most specific message on the library's error stack, on one line; `what` if the stack is
// empty.
std::string last_reason(std::string_view what);

template <class Status>
Status check(Status status, std::string_view what) {
  if (status < 0) throw Failure(last_reason(what));
  return status;
}

// Handle owns an HDF5 identifier and closes it.
class Handle {
 public:
  using Close = herr_t (*)(hid_t);

  Handle(hid_t id, Close closer, std::string_view what) : id_(check(id, what)), close_(closer) {}
  Handle(Handle&& other) noexcept : id_(std::exchange(other.id_, -1)), close_(other.close_) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  Handle& operator=(Handle&&) = delete;
  ~Handle() {
    if (id_ >= 0) close_(id_);
  }

  operator hid_t() const { return id_; }

  // Closes now, and throws if that fails.
  void close(std::string_view what) { check(close_(std::exchange(id_, -1)), what); }

 private:
  hid_t id_;
  Close close_;
};

// Quiet keeps the library from printing to stderr during its lifetime.
class Quiet {
 public:
  Quiet();
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet();

 private:
  H5E_auto2_t print_ = nullptr;
  void* client_ = nullptr;
};

Handle property_list(hid_t kind);
Handle scalar_space();
// The type of variable-length UTF-8 text.
Handle text_type();

}  // namespace moesim::hdf5
