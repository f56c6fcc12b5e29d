#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <set>

#include "config/compat.h"
#include "config/load.h"
#include "config/reference.h"
#include "config/text.h"

namespace forebay::config {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Configuration files in a directory of their own.
class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    std::string name = testing::TempDir() + "forebay-config-XXXXXX";
    directory_ = mkdtemp(name.data());
  }
  ~ConfigTest() override {
    for (const std::string& path : written_) unlink(path.c_str());
    rmdir(directory_.c_str());
  }
  std::string write(const std::string& name, std::string_view text) {
    std::string path = directory_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    written_.insert(path);
    return path;
  }
  void toml(std::string_view text) { sources_.toml = write("forebay.toml", text); }
  void properties(std::string_view text) { sources_.properties = write("alluxio-site.properties", text); }
  Result<Loaded> load() { return config::load(sources_, os::real_files()); }
  Settings loaded() {
    Result<Loaded> result = load();
    EXPECT_TRUE(result) << result.error().message();
    return result ? result->settings : Settings();
  }
  std::string error() {
    Result<Loaded> result = load();
    EXPECT_FALSE(result);
    if (result) return "";
    EXPECT_EQ(result.error().code(), Code::kInvalid);
    return result.error().message();
  }
  static std::string origin(const Settings& settings, std::string_view name) { return settings.origin(find_setting(name)); }

  Sources sources_;
  std::string directory_;
  std::set<std::string> written_;
};

TEST(Table, has_unique_names_and_variables_and_valid_defaults) {
  std::set<std::string> names, variables;
  for (const Setting& setting : kTable) {
    EXPECT_TRUE(setting.name.starts_with("forebay.")) << setting.name;
    EXPECT_TRUE(names.insert(std::string(setting.name)).second) << setting.name;
    EXPECT_TRUE(variables.insert(variable_of(setting.name)).second) << setting.name;
    EXPECT_TRUE(check_value(setting, setting.fallback)) << setting.name;
    EXPECT_THAT(setting.doc, Not(IsEmpty())) << setting.name;
  }
}

TEST_F(ConfigTest, gives_defaults_without_any_source) {
  Settings settings = loaded();
  EXPECT_EQ(settings.port("forebay.master.rpc_port"), 19998);
  EXPECT_EQ(settings.size("forebay.client.object_size"), 64 * kMiB);
  EXPECT_EQ(settings.duration("forebay.client.retry_for"), std::chrono::seconds(60));
  EXPECT_EQ(origin(settings, "forebay.master.rpc_port"), "default");
}

TEST_F(ConfigTest, takes_the_strongest_source_and_tells_which_it_was) {
  properties(
      "alluxio.gemini.master.rpc.port=1\nalluxio.gemini.master.web.port=1\nalluxio.gemini.worker.rpc.port=1\n"
      "alluxio.gemini.worker.web.port=1\nalluxio.gemini.master.hostname=from-properties\n");
  toml("[master]\nrpc_port = 2\nweb_port = 2\n[worker]\nrpc_port = 2\nweb_port = 2\n");
  sources_.environment = {{"ALLUXIO_JAVA_OPTS",
                           "-Dalluxio.gemini.master.rpc.port=3 -Dalluxio.gemini.master.web.port=3 "
                           "-Dalluxio.gemini.worker.rpc.port=3"},
                          {"FOREBAY_MASTER_RPC_PORT", "4"},
                          {"FOREBAY_MASTER_WEB_PORT", "4"}};
  sources_.defines = {"forebay.master.rpc_port=5"};
  Settings settings = loaded();
  EXPECT_EQ(settings.port("forebay.master.rpc_port"), 5);
  EXPECT_EQ(origin(settings, "forebay.master.rpc_port"), "-D");
  EXPECT_EQ(settings.port("forebay.master.web_port"), 4);
  EXPECT_EQ(origin(settings, "forebay.master.web_port"), "environment FOREBAY_MASTER_WEB_PORT");
  EXPECT_EQ(settings.port("forebay.worker.rpc_port"), 3);
  EXPECT_EQ(origin(settings, "forebay.worker.rpc_port"), "ALLUXIO_JAVA_OPTS (alluxio.gemini.worker.rpc.port)");
  EXPECT_EQ(settings.port("forebay.worker.web_port"), 2);
  EXPECT_EQ(origin(settings, "forebay.worker.web_port"), *sources_.toml + ":6");
  EXPECT_EQ(settings.text("forebay.master.hostname"), "from-properties");
  EXPECT_EQ(origin(settings, "forebay.master.hostname"), *sources_.properties + ":5 (alluxio.gemini.master.hostname)");
}

TEST_F(ConfigTest, names_the_nearest_setting_for_an_unknown_one_and_where_it_stands) {
  toml("[master]\nrpc_prt = 19998\n");
  EXPECT_THAT(error(), AllOf(HasSubstr(*sources_.toml + ":2"), HasSubstr("'forebay.master.rpc_prt'"),
                             HasSubstr("did you mean 'forebay.master.rpc_port'?")));
}

TEST_F(ConfigTest, lists_everything_that_is_wrong_at_once) {
  toml("[master]\nrpc_port = 70000\nweb_port = \"x\"\n");
  sources_.defines = {"forebay.log.level=loud", "nothing"};
  EXPECT_THAT(error(), AllOf(HasSubstr("70000 is outside 0 to 65535"), HasSubstr("'x' is not a whole number"),
                             HasSubstr("'loud' is not one of debug|info|warning|error"), HasSubstr("not of the form key=value")));
}

TEST_F(ConfigTest, warns_once_of_each_unknown_foreign_key_and_goes_on) {
  properties("alluxio.some.thing=1\nalluxio.some.thing=2\ns3a.secretKey=hush\n");
  Result<Loaded> result = load();
  ASSERT_TRUE(result);
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("'alluxio.some.thing'"), HasSubstr("'s3a.secretKey'")));
  EXPECT_THAT(result->warnings[1], Not(HasSubstr("hush")));
}

TEST_F(ConfigTest, warns_of_settings_that_have_no_effect) {
  sources_.defines = {"alluxio.mount.table.source=x"};
  Result<Loaded> result = load();
  ASSERT_TRUE(result);
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("forebay.mount.table_source has no effect in this version")));
}

TEST_F(ConfigTest, warns_of_unknown_variables_but_not_of_service_links) {
  sources_.environment = {{"FOREBAY_MASTER_RPC_PROT", "1"},
                          {"FOREBAY_MASTER_SERVICE_HOST", "10.0.0.1"},
                          {"FOREBAY_MASTER_PORT_19998_TCP_ADDR", "10.0.0.1"},
                          {"FOREBAY_MASTER_PORT", "tcp://10.0.0.1:19998"},
                          {"FOREBAY_CONF", "x"}};
  Result<Loaded> result = load();
  ASSERT_TRUE(result);
  EXPECT_THAT(result->warnings, ElementsAre(HasSubstr("FOREBAY_MASTER_RPC_PROT")));
}

TEST_F(ConfigTest, refuses_a_file_that_is_missing_or_malformed_and_names_it) {
  sources_.toml = directory_ + "/absent.toml";
  EXPECT_THAT(error(), HasSubstr("absent.toml"));
  toml("[master\n");
  EXPECT_THAT(error(), HasSubstr(*sources_.toml + ":1"));
  toml("[master]\nrpc_port = 2024-01-01\n");
  EXPECT_THAT(error(), HasSubstr("forebay.toml:2: master.rpc_port must be a text, a number"));
}

TEST_F(ConfigTest, refuses_more_than_one_copy_clearly) {
  sources_.defines = {"alluxio.gemini.user.file.replication=2"};
  EXPECT_THAT(error(), AllOf(HasSubstr("alluxio.gemini.user.file.replication"), HasSubstr("2 is not supported; only 1 is")));
}

TEST_F(ConfigTest, reads_the_variables_of_the_role_alone) {
  sources_.environment = {
      {"ALLUXIO_MASTER_JAVA_OPTS", "-Xmx24g -Dalluxio.gemini.master.rpc.port=7"},
      {"ALLUXIO_GEMINI_WORKER_JAVA_OPTS", "-XX:MaxDirectMemorySize=8g \"-Dalluxio.gemini.worker.hostname=a b\""}};
  sources_.role = Role::kMaster;
  EXPECT_EQ(loaded().port("forebay.master.rpc_port"), 7);
  EXPECT_EQ(loaded().text("forebay.worker.hostname"), "");
  sources_.role = Role::kWorker;
  EXPECT_EQ(loaded().port("forebay.master.rpc_port"), 19998);
  EXPECT_EQ(loaded().text("forebay.worker.hostname"), "a b");
}

TEST_F(ConfigTest, skips_empty_items_of_address_lists_and_drops_the_journals_port) {
  sources_.defines = {"alluxio.gemini.master.embedded.journal.addresses=,m-0:19200,,m-1:19200"};
  EXPECT_THAT(loaded().list("forebay.master.addresses"), ElementsAre("m-0", "m-1"));
}

TEST_F(ConfigTest, takes_every_compatible_key) {
  struct Case {
    std::string_view key, value, ours;
  };
  const Case cases[] = {
      {"alluxio.gemini.user.file.replication", "1", "1"},
      {"alluxio.gemini.user.file.cache.only.multipart.upload.enabled", "true", "true"},
      {"alluxio.gemini.user.file.cache.only.multipart.upload.threads", "8", "8"},
      {"alluxio.gemini.user.file.cache.only.multipart.upload.buffer.number", "4", "4"},
      {"alluxio.gemini.master.async.upload.local.file.path", "/conf/mapping.json", "/conf/mapping.json"},
      {"alluxio.gemini.master.persistence.checker.interval", "1s", "1s"},
      {"alluxio.gemini.master.persistence.scheduler.interval", "1s", "1s"},
      {"alluxio.gemini.master.hostname", "m", "m"},
      {"alluxio.gemini.master.rpc.port", "1", "1"},
      {"alluxio.gemini.master.web.port", "1", "1"},
      {"alluxio.gemini.master.journal.type", "EMBEDDED", "local"},
      {"alluxio.gemini.master.journal.folder", "/journal", "/journal"},
      {"alluxio.gemini.master.embedded.journal.addresses", "a:1,b:1", "a,b"},
      {"alluxio.gemini.master.metastore.dir", "/meta", "/meta"},
      {"alluxio.gemini.worker.hostname", "w", "w"},
      {"alluxio.gemini.worker.container.hostname", "w", "w"},
      {"alluxio.gemini.worker.rpc.port", "1", "1"},
      {"alluxio.gemini.worker.web.port", "1", "1"},
      {"alluxio.gemini.worker.ramdisk.size", "1GB", "1GB"},
      {"alluxio.gemini.user.short.circuit.enabled", "FALSE", "false"},
      {"alluxio.gemini.user.block.size.bytes.default", "32MB", "32MB"},
      {"alluxio.gemini.security.login.username", "alice", "alice"},
      {"alluxio.gemini.license.file", "/l", "/l"},
      {"alluxio.etcd.endpoints", "http://e:2379", "http://e:2379"},
      {"alluxio.cluster.name", "c", "c"},
      {"alluxio.mount.table.source", "ETCD", "ETCD"},
      {"alluxio.coordinator.hostname", "c", "c"},
      {"alluxio.worker.page.store.dirs", "/p", "/p"},
      {"alluxio.worker.page.store.sizes", "1GB", "1GB"},
      {"alluxio.worker.page.store.page.size", "1MB", "1MB"},
  };
  std::set<std::string_view> covered;
  for (const Case& each : cases) {
    covered.insert(each.key);
    sources_.defines = {std::string(each.key) + "=" + std::string(each.value)};
    Settings settings = loaded();
    std::optional<std::string_view> name = compatible_setting(each.key);
    ASSERT_TRUE(name) << each.key;
    EXPECT_EQ(settings.raw(find_setting(*name)), each.ours) << each.key;
  }
  for (const CompatibleKey& key : compatible_keys()) EXPECT_TRUE(covered.contains(key.theirs)) << key.theirs;
}

TEST_F(ConfigTest, makes_tiers_of_levels_with_several_paths) {
  properties(
      "alluxio.gemini.worker.tieredstore.levels=2\n"
      "alluxio.gemini.worker.tieredstore.level0.alias=SSD\n"
      "alluxio.gemini.worker.tieredstore.level0.dirs.mediumtype=SSD,SSD\n"
      "alluxio.gemini.worker.tieredstore.level0.dirs.path=/data1/cacheonly,/data2/cacheonly\n"
      "alluxio.gemini.worker.tieredstore.level0.dirs.quota=10Gi,20Gi\n"
      "alluxio.gemini.worker.tieredstore.level0.watermark.high.ratio=0.9\n"
      "alluxio.gemini.worker.tieredstore.level0.watermark.low.ratio=0.5\n"
      "alluxio.gemini.worker.tieredstore.level1.dirs.mediumtype=HDD\n"
      "alluxio.gemini.worker.tieredstore.level1.dirs.path=/slow\n"
      "alluxio.gemini.worker.tieredstore.level1.dirs.quota=1TB\n"
      "alluxio.gemini.worker.tieredstore.level2.dirs.path=/beyond\n"
      "alluxio.gemini.worker.tieredstore.level2.dirs.quota=1TB\n");
  Settings settings = loaded();
  EXPECT_THAT(settings.tiers("forebay.worker.tiers"),
              ElementsAre(Tier{"SSD", "/data1/cacheonly", 10 * kGiB, 0.9, 0.5},
                          Tier{"SSD", "/data2/cacheonly", 20 * kGiB, 0.9, 0.5}, Tier{"HDD", "/slow", kTiB, 0.95, 0.7}));
  EXPECT_THAT(origin(settings, "forebay.worker.tiers"), HasSubstr(":4 (alluxio.gemini.worker.tieredstore.level0.dirs.path)"));
}

TEST_F(ConfigTest, refuses_levels_whose_quotas_do_not_fit_their_paths) {
  sources_.defines = {"alluxio.gemini.worker.tieredstore.level0.dirs.path=/a,/b,/c",
                      "alluxio.gemini.worker.tieredstore.level0.dirs.quota=1GB,2GB"};
  EXPECT_THAT(error(), HasSubstr("3 paths and 2 quotas"));
  sources_.defines = {"alluxio.gemini.worker.tieredstore.level99.alias=X"};
  EXPECT_THAT(error(), HasSubstr("levels are 0 to 7"));
}

TEST(Tiers, are_read_as_alias_path_quota_and_watermarks) {
  EXPECT_EQ(parse_tier("SSD:/data1:10Gi").value(), (Tier{"SSD", "/data1", 10 * kGiB, 0.95, 0.7}));
  EXPECT_EQ(parse_tier("MEM:/dev/shm/x:1.5GB:0.9:0.1").value(), (Tier{"MEM", "/dev/shm/x", kGiB + kGiB / 2, 0.9, 0.1}));
  EXPECT_EQ(parse_tier("HDD:/a:b:16MB").value(), (Tier{"HDD", "/a:b", 16 * kMiB, 0.95, 0.7}));
  std::vector<Tier> tiers = parse_tiers("SSD:/a:16MB:1:0.25,,HDD:/b:20MB").value();
  EXPECT_EQ(parse_tiers(format_tiers(tiers)).value(), tiers);
}

TEST(Tiers, are_refused_with_the_part_that_is_wrong) {
  EXPECT_THAT(parse_tier("SSD").error().message(), HasSubstr("has no path"));
  EXPECT_THAT(parse_tier("SSD:/a").error().message(), HasSubstr("has no quota"));
  EXPECT_THAT(parse_tier("S D:/a:1GB").error().message(), HasSubstr("no alias"));
  EXPECT_THAT(parse_tier("SSD::1GB").error().message(), HasSubstr("path is empty"));
  EXPECT_THAT(parse_tier("SSD:/a:1XB").error().message(), HasSubstr("unknown unit 'XB'"));
  EXPECT_THAT(parse_tier("SSD:/a:1MB").error().message(), HasSubstr("quota is too small: at least 16.0MiB"));
  EXPECT_THAT(parse_tier("SSD:/a:1GB:0.5:0.9").error().message(), HasSubstr("low watermark is above"));
  EXPECT_THAT(parse_tiers("SSD:/a:1GB,HDD:/a:1GB").error().message(), HasSubstr("named twice"));
}

TEST(Properties, follow_the_java_format) {
  std::vector<Entry> entries =
      parse_properties("# comment \\\n! another\n\n  a = 1 \nb:2\nc 3\r\nd\\=x=4\ne=a\\\n    b\nf=\\u00fc\\t.\ng\n", "f").value();
  std::vector<std::string> seen;
  for (const Entry& entry : entries) seen.push_back(entry.key + "|" + entry.value + "|" + entry.where);
  EXPECT_THAT(seen, ElementsAre("a|1|f:4", "b|2|f:5", "c|3|f:6", "d=x|4|f:7", "e|ab|f:8", "f|ü\t.|f:10", "g||f:11"));
}

TEST(Properties, are_refused_where_a_value_would_be_wrong_silently) {
  EXPECT_THAT(parse_properties("a=${home}/x", "f").error().message(), HasSubstr("f:1: the value of a holds ${…}"));
  EXPECT_THAT(parse_properties("\n=x", "f").error().message(), HasSubstr("f:2: a value without a key"));
  EXPECT_THAT(parse_properties("a=\\uzz", "f").error().message(), HasSubstr("\\u needs four"));
}

TEST(Toml, takes_full_and_short_names_and_lists) {
  std::vector<Entry> entries =
      parse_toml("forebay.log.level = 'debug'\n[worker]\ntiers = ['SSD:/a:1GB', 'HDD:/b:2GB']\n[client]\nshort_circuit = false\n",
                 "f")
          .value();
  std::vector<std::string> seen;
  for (const Entry& entry : entries) seen.push_back(entry.key + "=" + entry.value);
  EXPECT_THAT(seen, testing::UnorderedElementsAre("forebay.log.level=debug", "forebay.worker.tiers=SSD:/a:1GB,HDD:/b:2GB",
                                                  "forebay.client.short_circuit=false"));
  EXPECT_THAT(parse_toml("a = ['x,y']", "f").error().message(), HasSubstr("holds a comma"));
  EXPECT_THAT(parse_toml(std::string(kMostFileBytes + 1, '#'), "f").error().message(), HasSubstr("larger than 1 MiB"));
}

TEST(Toml, names_the_line_of_a_malformed_table_header) {
  Result<std::vector<Entry>> entries = parse_toml("a = 1\n[:b\n", "f");
  ASSERT_FALSE(entries);
  EXPECT_EQ(entries.error().code(), Code::kInvalid);
  EXPECT_THAT(entries.error().message(), HasSubstr("f:2"));
}

TEST(Toml, takes_characters_beyond_ascii_in_quotes_and_comments_alone) {
  std::vector<Entry> entries = parse_toml("\xef\xbb\xbf# ½\n[local]\nmount = \"/mnt/½ \\\" #\" # ü\nuser = '½\\'\n", "f").value();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].value + entries[1].value, "/mnt/½ \" #½\\");
  EXPECT_THAT(parse_toml("[master]\nrpc_port = 199½\n", "f").error().message(), HasSubstr("f:2: a character that is not ASCII"));
  EXPECT_THAT(parse_toml("a = 1\nb = \"\"\"x\"\"\"\n", "f").error().message(), HasSubstr("f:2: texts of several lines"));
}

TEST(EditDistance, counts_changes) {
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("same", "same"), 0u);
}

TEST(ShownValue, hides_secrets_and_passwords_in_urls) {
  Setting secret{"forebay.x", Kind::kText, "", "doc", {.secret = true}};
  Setting open{"forebay.y", Kind::kList, "", "doc"};
  EXPECT_EQ(shown_value(secret, "hush"), "******");
  EXPECT_EQ(shown_value(secret, ""), "");
  EXPECT_EQ(shown_value(open, "http://root:hush@e1:2379,https://e2:2379"), "http://root:******@e1:2379,https://e2:2379");
}

TEST(ReferencePage, names_every_setting_and_every_compatible_key) {
  std::string page = reference_page();
  for (const Setting& setting : kTable) EXPECT_THAT(page, HasSubstr("`" + std::string(setting.name) + "`"));
  for (const CompatibleKey& key : compatible_keys()) EXPECT_THAT(page, HasSubstr("`" + std::string(key.theirs) + "`"));
}

TEST(ReferencePage, is_committed_as_it_is_generated) {
  std::ifstream file(FOREBAY_SOURCE_DIR "/docs/reference/settings.md");
  std::string committed((std::istreambuf_iterator<char>(file)), {});
  EXPECT_TRUE(committed == reference_page()) << "run: build/release/forebay conf reference > docs/reference/settings.md";
}

}  // namespace
}  // namespace forebay::config
