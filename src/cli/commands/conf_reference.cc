#include "cli/commands/commands.h"
#include "config/reference.h"

namespace forebay::cli {

void add_conf_reference(Command conf, Shell& shell) {
  shell.on(conf.add("reference", "The reference page of all settings (docs/reference/settings.md)"),
           [](Shell& shell) -> Result<int> {
             if (shell.json()) {
               Json settings = Json::array();
               for (const config::Setting& setting : config::kTable)
                 settings.push_back({{"name", std::string(setting.name)},
                                     {"default", std::string(setting.fallback)},
                                     {"meaning", std::string(setting.doc)},
                                     {"has_effect", setting.rule.effect == config::Effect::kActive}});
               print_json(settings);
             } else {
               print(config::reference_page());
             }
             return 0;
           });
}

}  // namespace forebay::cli
