// Names maps the values of an enum to the names that settings and files use: one constexpr table
// per enum.
#pragma once

#include "sim/core/error.hpp"

#include <span>
#include <string>
#include <vector>

namespace moesim {

template <class E>
struct Named {
  const char* name;
  E value;
};

template <class E>
using Names = std::span<const Named<E>>;

template <class E>
std::vector<std::string> all_names(Names<E> names) {
  std::vector<std::string> all;
  for (const Named<E>& each : names) all.emplace_back(each.name);
  return all;
}

template <class E>
std::string name_of(Names<E> names, E value) {
  for (const Named<E>& each : names)
    if (each.value == value) return each.name;
  fail_in("names", "a value has no name");
}

// Throws Exit::internal for another name: words of a user are checked before.
template <class E>
E value_of(Names<E> names, const std::string& name) {
  for (const Named<E>& each : names)
    if (name == each.name) return each.value;
  fail_in("names", "nothing is called " + name);
}

// The names with `first`, which must be one of them, at the front.
std::vector<std::string> with_first(std::vector<std::string> names, const std::string& first);

}  // namespace moesim
