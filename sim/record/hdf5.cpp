#include "sim/record/hdf5.hpp"

namespace moesim::hdf5 {
namespace {

extern "C" herr_t keep_first(unsigned, const H5E_error2_t* error, void* text) {
  std::string& first = *static_cast<std::string*>(text);
  if (!first.empty() || error->desc == nullptr) return 0;
  first = error->desc;
  // HDF5's words often do not say that it is memory: "unable to allocate dcpl layout buffer".
  if (error->min_num == H5E_NOSPACE || error->min_num == H5E_CANTALLOC)
    if (first.find("memory") == std::string::npos) first += " (no memory)";
  return 0;
}

}  // namespace

std::string last_reason(std::string_view what) {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &text);
  if (text.empty()) return std::string(what);

  // In "unable to open file: name = …, errno = 13, error message = 'Permission denied', …" the
  // reason is in quotes.
  constexpr std::string_view kMessage = "error message = '";
  if (const auto begin = text.find(kMessage); begin != std::string::npos) {
    const auto from = begin + kMessage.size();
    text = text.substr(from, text.find('\'', from) - from);
  }
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20 || static_cast<unsigned char>(c) >= 0x7f) c = '?';
  return text;
}

Quiet::Quiet() {
  H5Eget_auto2(H5E_DEFAULT, &print_, &client_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

Quiet::~Quiet() { H5Eset_auto2(H5E_DEFAULT, print_, client_); }

Handle property_list(hid_t kind) {
  return {H5Pcreate(kind), H5Pclose, "cannot make a property list"};
}

Handle scalar_space() { return {H5Screate(H5S_SCALAR), H5Sclose, "cannot make a dataspace"}; }

Handle text_type() {
  Handle type(H5Tcopy(H5T_C_S1), H5Tclose, "cannot make a text type");
  check(H5Tset_size(type, H5T_VARIABLE), "cannot make a text type");
  check(H5Tset_cset(type, H5T_CSET_UTF8), "cannot make a text type");
  return type;
}

}  // namespace moesim::hdf5
