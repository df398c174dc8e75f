#include "flashsale/app/settings.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace flashsale::app {
namespace {

constexpr std::string_view kSecret = "0123456789abcdef0123456789abcdef";

std::string read(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "settings-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    sources_.default_file = folder_ + "/none.toml";
  }
  ~SettingsTest() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, std::string_view text) {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  void toml(std::string_view text) { sources_.file = write("settings.toml", text); }
  void environment(const std::string& variable) { sources_.environment.push_back(variable); }
  void flag(const std::string& name, const std::string& value) { sources_.flags.push_back({name, value}); }

  Settings load() { return load_settings(sources_); }

  std::string error() {
    try {
      (void)load_settings(sources_);
    } catch (const SettingsError& failure) {
      return failure.what();
    }
    return {};
  }

  // One clear line that has every one of these parts; the sources are forgotten afterwards.
  void expect_error(const std::vector<std::string>& parts) {
    const std::string line = error();
    EXPECT_FALSE(line.empty()) << "no error, but expected one with " << parts.front();
    for (const std::string& part : parts) {
      EXPECT_NE(line.find(part), std::string::npos) << "no \"" << part << "\" in: " << line;
    }
    EXPECT_EQ(line.find('\n'), std::string::npos) << line;
    sources_ = {};
    sources_.default_file = folder_ + "/none.toml";
  }

  std::string folder_;
  SettingsSources sources_;
};

TEST_F(SettingsTest, DefaultsAreAllowedAndComplete) {
  const Settings settings = load();
  EXPECT_EQ(settings.http.port, 8080);
  EXPECT_EQ(settings.admin.address, "127.0.0.1");
  EXPECT_EQ(settings.redis.url, "redis://127.0.0.1:6379/0");
  EXPECT_EQ(settings.checkout.wait_ms, 2000U);
  EXPECT_EQ(settings.auth.gateway_peers.size(), 2U);
  EXPECT_TRUE(settings.rate_limit.enabled);
}

TEST_F(SettingsTest, TableNamesEachSettingOnce) {
  std::set<std::string> names;
  std::set<std::string> variables;
  Settings settings;
  std::set<const void*> members;
  for (const Setting& setting : setting_table()) {
    EXPECT_TRUE(names.insert(setting.name()).second) << setting.name();
    EXPECT_TRUE(variables.insert(setting.environment()).second) << setting.environment();
    const void* member = std::visit([](auto* m) -> const void* { return m; }, setting.member(settings));
    EXPECT_TRUE(members.insert(member).second) << setting.name() << " shares its member with another";
    EXPECT_FALSE(setting.description.empty()) << setting.name();
    EXPECT_FALSE(setting.description.ends_with('.')) << setting.name() << ": the renderers add it";
    EXPECT_LE(setting.min, setting.max) << setting.name();
    if (!setting.twin.empty()) {
      EXPECT_TRUE(names.contains(std::string(setting.section) + "." + std::string(setting.twin)));
    }
  }
}

TEST_F(SettingsTest, NamesEndInTheirUnit) {
  for (const Setting& setting : setting_table()) {
    const bool ends_in_ms = setting.key.ends_with("_ms");
    EXPECT_EQ(ends_in_ms, setting.unit == "ms") << setting.name();
    EXPECT_EQ(setting.key.ends_with("_bytes_max"), setting.unit == "bytes") << setting.name();
  }
}

// config/flashsaled.toml is what the table says. FLASHSALE_TEST_UPDATE=1 in the environment writes it anew.
TEST_F(SettingsTest, SettingsFileIsTheTable) {
  const std::string path = std::string(FLASHSALE_SOURCE_DIR) + "/config/flashsaled.toml";
  if (const char* update = std::getenv("FLASHSALE_TEST_UPDATE"); update != nullptr && std::string_view(update) == "1") {
    std::ofstream(path, std::ios::binary) << render_settings_file();
  }
  EXPECT_EQ(read(path), render_settings_file()) << "run unit_tests with FLASHSALE_TEST_UPDATE=1";
}

TEST_F(SettingsTest, SettingsFileStatesEveryDefaultWithItsRange) {
  const std::string text = read(std::string(FLASHSALE_SOURCE_DIR) + "/config/flashsaled.toml");
  for (const Setting& setting : setting_table()) {
    const std::string lines = "# " + setting.environment() + ": " + setting.allowed() + "; default " +
                              setting.default_text() + "\n" + std::string(setting.key) + " = " +
                              setting.default_text() + "\n";
    EXPECT_NE(text.find(lines), std::string::npos) << lines;
    if (!setting.unit.empty()) {
      EXPECT_NE(setting.allowed().find(setting.unit), std::string::npos) << setting.name();
    }
  }
}

TEST_F(SettingsTest, SettingsFileLoadsToTheDefaults) {
  sources_.file = std::string(FLASHSALE_SOURCE_DIR) + "/config/flashsaled.toml";
  Settings loaded = load();
  Settings defaults;
  for (const Setting& setting : setting_table()) {
    EXPECT_EQ(to_toml(setting.member(loaded)), to_toml(setting.member(defaults))) << setting.name();
  }
}

TEST_F(SettingsTest, LaterSourcesWin) {
  toml("[http]\nport = 1001\nthreads = 1\nidle_timeout_ms = 1000\n");
  environment("FLASHSALE_HTTP_THREADS=2");
  environment("FLASHSALE_HTTP_IDLE_TIMEOUT_MS=2000");
  flag("http.idle_timeout_ms", "3000");
  const Settings settings = load();
  EXPECT_EQ(settings.http.port, 1001);
  EXPECT_EQ(settings.http.threads, 2U);
  EXPECT_EQ(settings.http.idle_timeout_ms, 3000U);
}

TEST_F(SettingsTest, FindsItsFile) {
  sources_.default_file = write("default.toml", "[http]\nport = 1\n");
  EXPECT_EQ(load().http.port, 1);
  environment("FLASHSALE_CONFIG=" + write("variable.toml", "[http]\nport = 2\n"));
  EXPECT_EQ(load().http.port, 2);
  sources_.file = write("flag.toml", "[http]\nport = 3\n");
  EXPECT_EQ(load().http.port, 3);
  sources_.file = folder_ + "/missing.toml";
  expect_error({"--config", "cannot read", "missing.toml"});
  environment("FLASHSALE_CONFIG=" + folder_ + "/missing.toml");
  expect_error({"FLASHSALE_CONFIG", "cannot read"});
  sources_.file = folder_;
  expect_error({"cannot read"});
}

TEST_F(SettingsTest, FileErrorsNameLineKeyAndRange) {
  toml("[http]\nport = 70000\n");
  expect_error({"settings.toml:2: ", "http.port = 70000", "0..65535"});
  toml("[http]\n\nport = \"8080\"\n");
  expect_error({"settings.toml:3: ", "http.port", "0..65535"});
  toml("[http]\nport = 80.5\n");
  expect_error({"settings.toml:2: ", "http.port", "0..65535"});
  toml("[http]\nport = -1\n");
  expect_error({"http.port = -1"});
  toml("[http]\nport = 99999999999\n");
  expect_error({"http.port = 99999999999"});
  toml("[http]\nport = true\n");
  expect_error({"http.port = true", "0..65535"});
  toml("[http]\nthreads = 257\n");
  expect_error({"http.threads = 257", "0..256 threads"});
  toml("[redis]\nallow_replica = 1\n");
  expect_error({"redis.allow_replica = 1", "true or false"});
  toml("[auth]\nmode = \"basic\"\n");
  expect_error({"auth.mode = \"basic\"", "jwt, gateway"});
  toml("[auth]\nmode = \"jwt|gateway\"\n");
  expect_error({"auth.mode"});
  toml("[admin]\ntokens = \"a:b\"\n");
  expect_error({"admin.tokens", "a list of at most 256 texts"});
  toml("[auth]\ngateway_peers = [1]\n");
  expect_error({"settings.toml:2: auth.gateway_peers", "list"});
  toml("[http]\naddress = \"\"\n");
  expect_error({"http.address", "a text of 1..255 bytes"});
}

TEST_F(SettingsTest, FileErrorsNameWhatIsUnknown) {
  toml("[http]\nprot = 1\n");
  expect_error({"settings.toml:2: ", "\"http.prot\"", "[http] has address, port, "});
  toml("\n[https]\nport = 1\n");
  expect_error({"settings.toml:2: ", "\"https\"", "http, admin, auth, jwt"});
  toml("port = 1\n");
  expect_error({"settings.toml:1: ", "\"port\""});
  toml("http = 1\n");
  expect_error({"settings.toml:1: ", "[http]"});
  toml("[[http]]\nport = 1\n");
  expect_error({"[http]"});
  toml("[http\nport = 1\n");
  expect_error({"settings.toml:1: "});
  toml("\n[~http]\n");  // toml++ 3.3 asserts that a key begins here, and would abort
  expect_error({"settings.toml:2: ", "'~'"});
  toml("[http]\nport = 1\nport = 2\n");
  expect_error({"settings.toml:3: "});
  toml("[jwt]\npublic_key_pem = \"x\"\n");
  expect_error({"\"jwt.public_key_pem\""});
}

TEST_F(SettingsTest, VariablesAreHeldAgainstTheTable) {
  environment("FLASHSALE_HTTP_PROT=1");
  expect_error({"FLASHSALE_HTTP_PROT: "});
  environment("FLASHSALE_HTTP_PORT=");
  expect_error({"FLASHSALE_HTTP_PORT: http.port", "0..65535"});
  for (const char* bad : {"80 ", " 80", "+80", "0x50", "8e1", "65536", "99999999999999999999"}) {
    environment(std::string("FLASHSALE_HTTP_PORT=") + bad);
    expect_error({"FLASHSALE_HTTP_PORT: http.port = ", "0..65535"});
  }
  environment("FLASHSALE_RATE_LIMIT_ENABLED=yes");
  expect_error({"rate_limit.enabled = \"yes\"", "true or false"});
  environment("FLASHSALE_REDIS_URL=");
  expect_error({"FLASHSALE_REDIS_URL: redis.url"});
  environment("FLASHSALE_AUTH_GATEWAY_PEERS=10.0.0.1/32,,::1/128");
  expect_error({"FLASHSALE_AUTH_GATEWAY_PEERS: auth.gateway_peers has an entry that is empty"});
}

TEST_F(SettingsTest, TextsHaveNoControlCharacters) {
  flag("http.cors_origin", "https://shop.example\r\nSet-Cookie: a=b");
  expect_error({"--http.cors_origin: http.cors_origin = \"https://shop.example\\r\\n"});
  toml("[jwt]\nissuer = \"a\\u0000b\"\n");
  expect_error({"settings.toml:2: jwt.issuer"});
}

TEST_F(SettingsTest, ReadsEveryTypeFromVariables) {
  environment("FLASHSALE_RATE_LIMIT_ENABLED=false");
  environment("FLASHSALE_AUTH_GATEWAY_PEERS= 10.0.0.0/8, 192.168.1.1/32 ");
  environment("FLASHSALE_POSTGRES_URL=postgresql:///flash?host=/tmp");
  environment("FLASHSALE_HTTP_PORT=0");
  environment("FLASHSALE_ADMIN_TOKENS=");
  const Settings settings = load();
  EXPECT_FALSE(settings.rate_limit.enabled);
  EXPECT_EQ(settings.auth.gateway_peers, (std::vector<std::string>{"10.0.0.0/8", "192.168.1.1/32"}));
  EXPECT_EQ(settings.postgres.url, "postgresql:///flash?host=/tmp");
  EXPECT_EQ(settings.http.port, 0);
  EXPECT_TRUE(settings.admin.tokens.empty());
}

TEST_F(SettingsTest, LeavesOtherVariablesAlone) {
  for (const char* name :
       {"FLASHSALE_URL", "FLASHSALE_ADMIN_URL", "FLASHSALE_EDGE_URL", "FLASHSALE_EDGE_TLS_URL", "FLASHSALE_ADMIN_TOKEN",
        "FLASHSALE_PIDS", "FLASHSALE_TEST_REDIS_URL", "HTTP_PORT", "PATH"}) {
    environment(std::string(name) + "=x");
  }
  environment("nonsense");
  EXPECT_EQ(error(), "");
}

TEST_F(SettingsTest, EveryVariableIsRead) {
  for (const Setting& setting : setting_table()) {
    sources_.environment = {setting.environment() + "=\x01" + std::string(5000, 'x')};
    EXPECT_NE(error().find(setting.environment()), std::string::npos) << setting.name();
  }
}

TEST_F(SettingsTest, EveryOpenSettingIsAFlagAndNoSecretIs) {
  Settings defaults;
  for (const Setting& setting : setting_table()) {
    const std::string refusal = "--" + setting.name() + ": secrets are not taken from the command line";
    std::string value = to_toml(setting.member(defaults));
    std::erase_if(value, [](char c) { return c == '"' || c == '[' || c == ']'; });
    sources_.flags = {{setting.name(), value}};
    if (setting.secrecy == Secrecy::open) {
      EXPECT_EQ(error(), "") << setting.name();
    } else {
      EXPECT_NE(error().find(refusal), std::string::npos) << setting.name();
      EXPECT_NE(error().find(setting.environment()), std::string::npos) << setting.name();
    }
  }
}

TEST_F(SettingsTest, FlagsAreHeldAgainstTheTable) {
  flag("http.port", "x");
  expect_error({"--http.port: http.port = \"x\"", "0..65535"});
  flag("http.prot", "1");
  expect_error({"--http.prot: ", "[http] has "});
  flag("https.port", "1");
  expect_error({"--https.port: ", "http, admin"});
  flag("http.", "1");
  expect_error({"\"http.\""});
  flag(".", "1");
  expect_error({"--.: "});
}

TEST_F(SettingsTest, SecretsComeFromFiles) {
  environment("FLASHSALE_JWT_SECRET_FILE=" + write("secret", std::string(kSecret) + "\n"));
  environment("FLASHSALE_POSTGRES_URL_FILE=" + write("url", "postgresql://h/db\r\n"));
  environment("FLASHSALE_REDIS_URL_FILE=" + write("redis", "redis://:pw@h:1/2"));
  flag("admin.tokens_file", write("tokens", "# who\nalice:00\n\n  bob:11  \n"));
  const Settings settings = load();
  EXPECT_EQ(settings.jwt.secret, kSecret);
  EXPECT_EQ(settings.postgres.url, "postgresql://h/db");
  EXPECT_EQ(settings.redis.url, "redis://:pw@h:1/2");
  EXPECT_EQ(settings.admin.tokens, (std::vector<std::string>{"alice:00", "bob:11"}));
}

TEST_F(SettingsTest, OnlyOneLineEndIsTrimmedFromASecret) {
  flag("jwt.secret_file", write("secret", std::string(kSecret) + " \n\n"));
  EXPECT_EQ(load().jwt.secret, std::string(kSecret) + " \n");
}

TEST_F(SettingsTest, SecretFilesMustBeReadableAndAllowed) {
  flag("jwt.secret_file", folder_ + "/missing");
  expect_error({"--jwt.secret_file", "cannot read the file", "missing"});
  flag("jwt.secret_file", write("empty", "\n"));
  expect_error({"--jwt.secret_file", "is empty"});
  flag("jwt.secret_file", write("short", "tooshort"));
  expect_error({"short: jwt.secret is not allowed", "32..4096 bytes"});
  flag("jwt.secret_file", write("large", std::string(2'000'000, 'x')));
  expect_error({"larger than 1 MiB"});
}

TEST_F(SettingsTest, ASecretAndItsFileFromOneSourceAreAnError) {
  environment("FLASHSALE_JWT_SECRET=" + std::string(kSecret));
  environment("FLASHSALE_JWT_SECRET_FILE=" + write("secret", kSecret));
  expect_error({"jwt.secret and jwt.secret_file are both given"});
  toml("[admin]\ntokens = [\"a:b\"]\ntokens_file = \"x\"\n");
  expect_error({"settings.toml:3: ", "both given"});
  environment("FLASHSALE_REDIS_URL=redis://127.0.0.1:6379/0");
  environment("FLASHSALE_REDIS_URL_FILE=" + write("url", "redis://x"));
  expect_error({"redis.url and redis.url_file are both given"});
}

TEST_F(SettingsTest, ASecretAndItsFileFollowThePrecedenceOfTheirSources) {
  toml("[jwt]\nsecret_file = \"" + folder_ + "/missing\"\n[redis]\nurl = \"redis://file\"\n");
  environment("FLASHSALE_JWT_SECRET=" + std::string(kSecret));
  environment("FLASHSALE_REDIS_URL_FILE=" + write("url", "redis://from-url-file"));
  const Settings settings = load();
  EXPECT_EQ(settings.jwt.secret, kSecret);
  EXPECT_EQ(settings.redis.url, "redis://from-url-file");
}

TEST_F(SettingsTest, ASettingsFileMaySpellOutADefaultBesideTheFile) {
  toml("[redis]\nurl = \"redis://127.0.0.1:6379/0\"\nurl_file = \"" + write("url", "redis://other") + "\"\n");
  EXPECT_EQ(load().redis.url, "redis://other");
}

TEST_F(SettingsTest, ReadsKeyFiles) {
  flag("jwt.public_key_file", write("key.pem", "PEM\n"));
  flag("jwt.public_key_algorithm", "ES256");
  flag("jwt.jwks_file", write("jwks.json", "{}"));
  const Settings settings = load();
  EXPECT_EQ(settings.jwt.public_key_pem, "PEM\n");
  EXPECT_EQ(settings.jwt.jwks_json, "{}");
  flag("jwt.jwks_file", folder_ + "/missing");
  expect_error({"jwt.jwks_file", "cannot read"});
}

TEST_F(SettingsTest, ChecksWhatMustFitTogether) {
  flag("http.port", "8081");
  expect_error({"http.port and admin.port are both 8081"});
  flag("checkout.wait_ms", "10001");
  expect_error({"checkout.wait_ms = 10001", "checkout.wait_max_ms = 10000"});
  flag("postgres.lock_timeout_ms", "6000");
  expect_error({"postgres.lock_timeout_ms", "postgres.statement_timeout_ms = 5000"});
  flag("sweeper.in_flight_max", "127");
  expect_error({"checkout.reservation_batch_max = 128", "sweeper.in_flight_max = 127"});
  flag("jwt.public_key_algorithm", "RS256");
  expect_error({"jwt.public_key_file and jwt.public_key_algorithm"});
  flag("http.address", "localhost");
  expect_error({"http.address must be an IPv4 or IPv6 address"});
  flag("admin.address", "[::1]");
  expect_error({"admin.address must be"});
  flag("http.port", "0");
  flag("admin.port", "0");
  flag("http.address", "::1");
  EXPECT_EQ(error(), "");
}

TEST_F(SettingsTest, ACollectorOfTracesCanBeSpokenTo) {
  const auto enable = [this] { flag("tracing.enabled", "true"); };
  enable();
  EXPECT_EQ(error(), "");
  for (const char* wrong : {"nothing", "No colon", "A:b", ": b", "A b: c", "A: b\r\nC: d"}) {
    enable();
    sources_.environment = {std::string("FLASHSALE_TRACING_HEADERS=") + wrong};
    expect_error({"tracing.headers"});
  }
  enable();
  sources_.environment = {"FLASHSALE_TRACING_HEADERS=Authorization: Basic aGk=, X-Scope-OrgID: shop"};
  EXPECT_EQ(error(), "");
  sources_.environment = {"FLASHSALE_TRACING_URL=collector:4318"};
  expect_error({"tracing.url must begin with http:// or https://"});
}

TEST_F(SettingsTest, ADemoIsRefusedWhereOthersCouldCome) {
  const auto demo = [this](const std::string& name, const std::string& value) {
    sources_.flags = {{"shop.enabled", "true"},
                      {"shop.demo", "true"},
                      {"http.address", "127.0.0.1"},
                      {"jwt.issuer", "flashsale-demo"},
                      {name, value}};
  };
  const std::string refused = "shop.demo gives tokens and payments away and is refused: ";
  demo("jwt.issuer", "https://shop.example");
  expect_error({refused + "jwt.issuer is not \"flashsale-demo\""});
  demo("http.address", "0.0.0.0");
  expect_error({refused + "http.address is no loopback address"});
  demo("admin.address", "10.0.0.1");
  expect_error({refused + "admin.address is no loopback address"});
  demo("auth.mode", "gateway");
  expect_error({refused + "auth.mode is not jwt"});
  demo("shop.enabled", "false");
  expect_error({refused + "shop.enabled is false"});
  demo("http.address", "::1");
  EXPECT_EQ(error(), "");
}

TEST_F(SettingsTest, NoErrorShowsASecret) {
  environment("FLASHSALE_JWT_SECRET=hunter2");
  EXPECT_EQ(error().find("hunter2"), std::string::npos) << error();
  expect_error({"FLASHSALE_JWT_SECRET: jwt.secret is not allowed"});
  toml("[postgres]\nurl = [\"hunter2\"]\n");
  EXPECT_EQ(error().find("hunter2"), std::string::npos) << error();
  toml("[jwt]\nsecret = \"hunter2\"\n");
  EXPECT_EQ(error().find("hunter2"), std::string::npos) << error();
  toml("[admin]\ntokens = \"hunter2\"\n");
  EXPECT_EQ(error().find("hunter2"), std::string::npos) << error();
  flag("jwt.secret", "hunter2");
  EXPECT_EQ(error().find("hunter2"), std::string::npos) << error();
}

TEST_F(SettingsTest, RedactedShowsAllButSecrets) {
  Settings settings;
  settings.jwt.secret = kSecret;
  settings.admin.tokens = {"alice:00ff"};
  settings.redis.url = "redis://user:hunter2@cache:6379/1";
  settings.postgres.url = "host=db password=hunter2";
  settings.http.cors_origin = "a b";
  const std::string line = redacted(settings);
  EXPECT_EQ(line.find("hunter2"), std::string::npos);
  EXPECT_EQ(line.find(kSecret), std::string::npos);
  EXPECT_EQ(line.find("00ff"), std::string::npos);
  for (const char* part :
       {"http.port=8080 ", "jwt.secret=*** ", "admin.tokens=*** ", "log.level=info ",
        "redis.url=redis://user:***@cache:6379/1 ", "postgres.url=*** ", "http.cors_origin=\"a b\" "}) {
    EXPECT_NE(line.find(part), std::string::npos) << part << " in " << line;
  }
  EXPECT_NE(redacted(Settings{}).find("jwt.secret=\"\" "), std::string::npos);
}

TEST_F(SettingsTest, UrlsAreShownWithoutPasswords) {
  EXPECT_EQ(redacted_url("redis://h:6379/0"), "redis://h:6379/0");
  EXPECT_EQ(redacted_url("redis://:pw@h:6379/0"), "redis://:***@h:6379/0");
  EXPECT_EQ(redacted_url("redis://pw@h"), "redis://***@h");
  EXPECT_EQ(redacted_url("postgresql://u:p@ss?w/rd@h1,h2/db"), "postgresql://u:***@h1,h2/db");
  EXPECT_EQ(redacted_url("postgresql:///db?host=/tmp&password=pw"), "postgresql:///db?***");
  EXPECT_EQ(redacted_url("unix:///run/redis.sock"), "unix:///run/redis.sock");
  EXPECT_EQ(redacted_url("password=pw"), "***");
  EXPECT_EQ(redacted_url(""), "");
}

TEST_F(SettingsTest, RequiresWhatACommandNeeds) {
  const auto missing = [](const Settings& settings, Purpose purpose) {
    try {
      require_settings_for(settings, purpose);
    } catch (const SettingsError& failure) {
      return std::string(failure.what());
    }
    return std::string();
  };
  Settings settings;
  EXPECT_NE(missing(settings, Purpose::postgres).find("FLASHSALE_POSTGRES_URL"), std::string::npos);
  EXPECT_NE(missing(settings, Purpose::stores).find("FLASHSALE_POSTGRES_URL"), std::string::npos);
  EXPECT_NE(missing(settings, Purpose::token).find("FLASHSALE_JWT_SECRET"), std::string::npos);
  settings.postgres.url = "postgresql:///x";
  EXPECT_EQ(missing(settings, Purpose::postgres), "");
  EXPECT_NE(missing(settings, Purpose::serve).find("needs a key"), std::string::npos);
  settings.auth.mode = "gateway";
  EXPECT_EQ(missing(settings, Purpose::serve), "");
  settings.auth.gateway_peers = {"10.0.0.0/99"};
  EXPECT_NE(missing(settings, Purpose::serve).find("auth.gateway_peers: "), std::string::npos);
  settings.auth.gateway_peers.clear();
  EXPECT_NE(missing(settings, Purpose::serve).find("needs auth.gateway_peers"), std::string::npos);
  settings.auth.mode = "jwt";
  settings.jwt.secret = kSecret;
  EXPECT_EQ(missing(settings, Purpose::serve), "");
  EXPECT_EQ(missing(settings, Purpose::token), "");
  settings.jwt.public_key_pem = "nonsense";
  settings.jwt.public_key_algorithm = "ES256";
  EXPECT_NE(missing(settings, Purpose::serve).find("[jwt]: "), std::string::npos);
  settings.jwt.public_key_pem.clear();
  settings.jwt.public_key_algorithm.clear();
  settings.admin.tokens = {"no-hash"};
  EXPECT_NE(missing(settings, Purpose::serve).find("admin.tokens: "), std::string::npos);
}

}  // namespace
}  // namespace flashsale::app
