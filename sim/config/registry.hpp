// Registry maps names to plug-ins (routers, experts, devices). A router or expert registers itself
// with one namespace-scope RegisterRouter or RegisterExpert object in its own .cpp (sim/moe/), a
// device with a `Registered<Backend>`.
#pragma once

#include "sim/core/error.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace moesim {

class Options;

// T: the interface (Router, Expert, ...). Make: its factory, e.g.
//   std::function<std::unique_ptr<Router>(const Site&, Options&)>, given by T::Make.
template <class T>
struct Plugin {
  std::string name;
  std::string summary;  // one sentence for `moesim list`
  typename T::Make make;
};

// Its members are defined outside the class, so that an interface can say `extern template class`:
// they are then compiled once, and not with every plug-in.
template <class T>
class Registry {
 public:
  static const std::map<std::string, Plugin<T>>& all();
  static std::vector<std::string> names();
  static const Plugin<T>& find(const std::string& name);
  // Called by what registers a plug-in, and by tests that add and remove plug-ins of their own.
  static void add(Plugin<T> plugin);
  static void remove(const std::string& name);

 private:
  static std::map<std::string, Plugin<T>>& entries();
};

template <class T>
struct Registered {
  Registered(std::string name, std::string summary, typename T::Make make);
};

template <class T>
std::map<std::string, Plugin<T>>& Registry<T>::entries() {
  static std::map<std::string, Plugin<T>> map;
  return map;
}

template <class T>
const std::map<std::string, Plugin<T>>& Registry<T>::all() {
  return entries();
}

template <class T>
std::vector<std::string> Registry<T>::names() {
  std::vector<std::string> result;
  for (const auto& [name, plugin] : entries()) result.push_back(name);
  return result;
}

template <class T>
const Plugin<T>& Registry<T>::find(const std::string& name) {
  const auto found = entries().find(name);
  if (found == entries().end())
    fail(Exit::usage, "unknown name '" + name + "': choose one of " + joined(names()));
  return found->second;
}

template <class T>
void Registry<T>::add(Plugin<T> plugin) {
  const std::string name = plugin.name;
  if (!entries().emplace(name, std::move(plugin)).second)
    fail(Exit::internal, "two plug-ins are registered as '" + name + "'");
}

template <class T>
void Registry<T>::remove(const std::string& name) {
  entries().erase(name);
}

template <class T>
Registered<T>::Registered(std::string name, std::string summary, typename T::Make make) {
  Registry<T>::add({std::move(name), std::move(summary), std::move(make)});
}

}  // namespace moesim
