// Finds named arrays in .npy, .npz and .safetensors files that other programs wrote.
#pragma once

#include "experiments/import/number_type.hpp"
#include "sim/core/types.hpp"

#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace moesim {

// ForeignArray is an array in the order of C. Its bytes are in ArrayFiles::contents.
struct ForeignArray {
  std::string where;  // "trace.npz: experts", for messages
  std::string name;
  const NumberType* type = nullptr;
  std::vector<index> shape;
  std::string_view bytes;

  // Number `at` is of this token, layer and choice, of an array with these three axes.
  std::size_t at(index token, index layer, index choice) const {
    return static_cast<std::size_t>((token * shape[1] + layer) * shape[2] + choice);
  }
};

// ArrayFiles is the arrays of several files, and the contents of these files.
struct ArrayFiles {
  std::deque<std::string> contents;
  std::vector<ForeignArray> arrays;
  std::vector<std::string> ignored;  // names of arrays that are not asked for

  const ForeignArray* find(std::string_view name) const;
};

// Adds the arrays of a file with one of these names. The array of a .npy file has the file's name;
// if that is none of `names`, it is names[0] if it holds integers and names[1] if not. Throws
// Exit::data for other files, and for a name that is there already.
void read_arrays(const std::string& path, const std::vector<std::string>& names, ArrayFiles& files);

// True if the file may be JSON lines: its first character is '{'.
bool begins_as_json(const std::string& path);

}  // namespace moesim
