#include "analysis/report/sweep_config.hpp"

#include "analysis/report/html.hpp"
#include "sim/config/resolved.hpp"
#include "sim/core/error.hpp"

#include <algorithm>
#include <map>
#include <optional>

namespace moesim {
namespace {

using Values = std::map<std::string, std::string>;

// Member is an arm with the settings and seeds of its runs.
struct Member {
  std::string name;
  Values values;  // without seed and name
  std::vector<std::string> seeds;
  std::string experiment, data;

  bool operator==(const Member&) const = default;
};

// Returns the member of an arm; nothing if its runs differ in more than their seed or one has no
// config.
std::optional<Member> member_of(const Arm& arm, const std::vector<Outcome>& outcomes,
                                const std::vector<Record>& records) {
  std::optional<Member> member;
  std::vector<std::string> seeds;
  for (const Outcome* run : arm.runs) {
    const Record& record = records[static_cast<std::size_t>(run - outcomes.data())];
    Member own{arm.name,
               config::resolved_values(record.config),
               {},
               record.experiment,
               record.data_sha256};
    if (own.values.empty() || !run->seed) return std::nullopt;
    own.values.erase("run.seed");
    own.values.erase("run.name");
    if (member && own != *member) return std::nullopt;
    member = std::move(own);
    const std::string seed = std::to_string(*run->seed);
    if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) seeds.push_back(seed);
  }
  if (member) member->seeds = std::move(seeds);
  return member;
}

// Returns the settings that have the same value in all arms.
Values common_values(const std::vector<Member>& members) {
  Values common = members.front().values;
  for (const Member& member : members)
    std::erase_if(common, [&](const auto& item) {
      const auto own = member.values.find(item.first);
      return own == member.values.end() || own->second != item.second;
    });
  return common;
}

// Writes values in sections: "router.dense.width_factor" becomes width_factor in [router.dense].
std::string in_sections(const Values& values) {
  std::map<std::string, std::string> sections;
  for (const auto& [key, value] : values)
    if (const std::size_t dot = key.rfind('.'); dot != key.npos)
      sections[key.substr(0, dot)] += key.substr(dot + 1) + " = " + value + '\n';
  std::string text;
  for (const auto& [name, lines] : sections) text += '[' + name + "]\n" + lines + '\n';
  return text;
}

}  // namespace

std::string sweep_config(const std::vector<Arm>& arms, const std::vector<Outcome>& outcomes,
                         const std::vector<Record>& records) {
  std::vector<Member> members;
  for (const Arm& arm : arms) {
    std::optional<Member> member = member_of(arm, outcomes, records);
    if (!member || (!members.empty() && (member->seeds != members[0].seeds ||
                                         member->experiment != members[0].experiment ||
                                         member->data != members[0].data)))
      return "";
    members.push_back(std::move(*member));
  }
  if (members.empty()) return "";
  Values common = common_values(members);
  common["run.name"] = members[0].experiment;
  std::string text = in_sections(common);
  html::Names names;
  for (const Member& member : members) {
    if (members.size() == 1) break;
    text += "[variant." + names.unique(member.name) + "]\n";
    for (const auto& [key, value] : member.values)
      if (!common.contains(key)) text += key + " = " + value + '\n';
    text += '\n';
  }
  return text + "[sweep]\nrun.seed = " + joined(members[0].seeds) + '\n';
}

}  // namespace moesim
