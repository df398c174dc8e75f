#include "flashsale/app/command_line.hpp"

#include <gtest/gtest.h>

#include <initializer_list>
#include <sstream>
#include <string>
#include <vector>

#include "flashsale/app/token_command.hpp"
#include "flashsale/identity/token_verifier.hpp"

namespace flashsale::app {
namespace {

CommandLine parse(std::initializer_list<const char*> arguments) {
  const std::vector<const char*> list(arguments);
  return parse_command_line(list);
}

std::string error_of(std::initializer_list<const char*> arguments) {
  try {
    (void)parse(arguments);
  } catch (const UsageError& error) {
    return error.what();
  }
  return {};
}

void expect_refused(std::initializer_list<const char*> arguments, const std::string& part) {
  const std::string line = error_of(arguments);
  EXPECT_NE(line.find(part), std::string::npos) << "got: " << line;
  EXPECT_EQ(line.find('\n'), std::string::npos) << line;
}

TEST(CommandLine, ServesWithoutACommand) {
  const CommandLine line = parse({});
  EXPECT_EQ(line.command, Command::serve);
  EXPECT_FALSE(line.config_file);
  EXPECT_TRUE(line.flags.empty());
}

TEST(CommandLine, KnowsEveryCommand) {
  EXPECT_EQ(parse({"serve"}).command, Command::serve);
  EXPECT_EQ(parse({"migrate"}).command, Command::migrate);
  EXPECT_EQ(parse({"audit"}).command, Command::audit);
  EXPECT_EQ(parse({"archive", "--sale=drop-1"}).command, Command::archive);
  EXPECT_EQ(parse({"check"}).command, Command::check);
  EXPECT_EQ(parse({"verify-draw"}).command, Command::verify_draw);
  EXPECT_EQ(parse({"token", "--customer", "alice"}).command, Command::token);
  for (const char* form : {"help", "--help", "-h"}) EXPECT_EQ(parse({form}).command, Command::help);
  for (const char* form : {"version", "--version"}) EXPECT_EQ(parse({form}).command, Command::version);
}

TEST(CommandLine, TakesValuesInBothForms) {
  EXPECT_EQ(parse({"audit", "--sale", "drop-1"}).sale_id, "drop-1");
  EXPECT_EQ(parse({"audit", "--sale=drop-1"}).sale_id, "drop-1");
  EXPECT_EQ(parse({"--config", "a.toml", "serve"}).config_file, "a.toml");
  EXPECT_EQ(parse({"serve", "--config=b=c.toml"}).config_file, "b=c.toml");
}

TEST(CommandLine, KeepsSettingsInOrder) {
  const CommandLine line =
      parse({"--http.port=0", "serve", "--auth.gateway_peers=10.0.0.0/8,::1/128", "--jwt.issuer="});
  ASSERT_EQ(line.flags.size(), 3U);
  EXPECT_EQ(line.flags[0].name, "http.port");
  EXPECT_EQ(line.flags[0].value, "0");
  EXPECT_EQ(line.flags[1].value, "10.0.0.0/8,::1/128");
  EXPECT_EQ(line.flags[2].value, "");
}

TEST(CommandLine, ReadsTheTokenOptions) {
  const CommandLine line = parse({"token", "--customer=alice@example.org", "--ttl", "60"});
  EXPECT_EQ(line.customer_id, "alice@example.org");
  EXPECT_EQ(line.lifetime, std::chrono::seconds(60));
  EXPECT_EQ(parse({"token", "--customer", "a"}).lifetime, std::chrono::hours(1));
}

TEST(CommandLine, ReadsWhatToArchive) {
  EXPECT_EQ(parse({"archive", "--sale", "drop-1"}).sale_id, "drop-1");
  EXPECT_FALSE(parse({"archive", "--sale", "drop-1"}).older_than_days);
  EXPECT_EQ(parse({"archive", "--older-than-days", "30"}).older_than_days, 30);
  EXPECT_EQ(parse({"--older-than-days=0", "archive"}).older_than_days, 0);
  EXPECT_TRUE(parse({"migrate", "--citus"}).with_citus);
  EXPECT_FALSE(parse({"migrate"}).with_citus);
  expect_refused({"serve", "--citus"}, "is no option of flashsaled serve");
  expect_refused({"migrate", "--citus=1"}, "takes no value");
  expect_refused({"archive"}, "needs either --sale ID or --older-than-days N");
  expect_refused({"archive", "--sale", "a", "--older-than-days", "1"}, "needs either --sale ID or --older-than-days N");
  for (const char* days : {"-1", "1d", "36501", "99999999999999999999", " 1"}) {
    expect_refused({"archive", "--older-than-days", days}, "--older-than-days takes a number of days, 0..36500");
  }
}

TEST(CommandLine, ReadsTheOptionsOfInsight) {
  const auto followed =
      parse({"insight", "--url", "http://a:1", "--listen=127.0.0.1:9109", "--state", "f", "--after=0"});
  EXPECT_EQ(followed.command, Command::insight);
  EXPECT_EQ(followed.insight.url, "http://a:1");
  EXPECT_EQ(followed.insight.listen, "127.0.0.1:9109");
  EXPECT_EQ(followed.insight.state_file, "f");
  EXPECT_EQ(followed.insight.after, 0);
  EXPECT_FALSE(followed.insight.once);
  EXPECT_TRUE(parse({"insight", "--once"}).insight.once);
  expect_refused({"insight"}, "needs either --listen ADDRESS:PORT or --once");
  expect_refused({"insight", "--once", "--listen", "a:1"}, "needs either --listen ADDRESS:PORT or --once");
  expect_refused({"insight", "--once", "--http.port=1"}, "takes no settings");
  expect_refused({"insight", "--once", "--after", "-1"}, "--after takes a position");
  expect_refused({"insight", "--once=1"}, "takes no value");
  expect_refused({"insight", "--once", "--sale", "a"}, "--sale is no option of flashsaled insight");
  expect_refused({"serve", "--once"}, "--once is no option of flashsaled serve");
}

TEST(CommandLine, RefusesWhatItDoesNotKnow) {
  expect_refused({"sell"}, "no command \"sell\"");
  expect_refused({"serve", "audit"}, "both serve and audit");
  expect_refused({"--verbose"}, "no option \"--verbose\"");
  expect_refused({"-x"}, "no option \"-x\"");
  expect_refused({"-http.port=1"}, "no option");
  expect_refused({"\n"}, "no command \"\\n\"");
}

TEST(CommandLine, RefusesMissingAndBadValues) {
  expect_refused({"audit", "--sale"}, "--sale takes a value");
  expect_refused({"audit", "--sale="}, "--sale takes a value");
  expect_refused({"audit", "--sale", "a b"}, "no sale id");
  expect_refused({"token"}, "needs --customer");
  expect_refused({"token", "--customer", "a\x01"}, "no customer id");
  for (const char* ttl : {"0", "-1", "1h", "31536001", "99999999999999999999"}) {
    expect_refused({"token", "--customer", "a", "--ttl", ttl}, "--ttl takes a number of seconds");
  }
  expect_refused({"serve", "--http.port", "80"}, "--http.port=VALUE");
  expect_refused({"--help=yes"}, "--help takes no value");
}

TEST(CommandLine, RefusesOptionsOfOtherCommands) {
  expect_refused({"serve", "--sale", "a"}, "--sale is no option of flashsaled serve");
  expect_refused({"--customer", "a"}, "--customer is no option of flashsaled serve");
  expect_refused({"audit", "--older-than-days=5"}, "--older-than-days is no option of flashsaled audit");
  expect_refused({"audit", "--ttl=5"}, "--ttl is no option of flashsaled audit");
}

TEST(CommandLine, UsageNamesCommandsAndSettings) {
  const std::string text = usage();
  for (const char* part : {"serve", "migrate", "audit", "archive", "token", "check", "verify-draw", "--config FILE",
                           "--http.port=", "FLASHSALE_JWT_SECRET", "0..65535"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(text.find("--jwt.secret="), std::string::npos) << "secrets are no flags";
}

std::string help_for(const std::vector<const char*>& arguments) {
  const CommandLine line = parse_command_line(arguments);
  EXPECT_EQ(line.command, Command::help);
  return line.help_topic ? usage(*line.help_topic) : usage();
}

TEST(CommandLine, HelpOfACommandIsOfThatCommandAlone) {
  const std::vector<std::vector<const char*>> ways{
      {"audit", "--help"}, {"--help", "audit"}, {"audit", "-h", "--sale", "x"}, {"help", "audit"}};
  for (const auto& way : ways) {
    const std::string text = help_for(way);
    for (const char* part : {"flashsaled audit [OPTION", "compare PostgreSQL and Redis", "--sale ID",
                             "flashsaled --help lists them all"}) {
      EXPECT_NE(text.find(part), std::string::npos) << part << " is not in " << text;
    }
    for (const char* part : {"--customer", "migrate", "http.port", "events audit"}) {
      EXPECT_EQ(text.find(part), std::string::npos) << part << " is in " << text;
    }
  }
}

TEST(CommandLine, HelpOfEventsIsOfWhatItIsToDo) {
  EXPECT_NE(help_for({"events", "replay", "--help"}).find("--from POSITION"), std::string::npos);
  EXPECT_EQ(help_for({"events", "replay", "--help"}).find("events forget"), std::string::npos);
  EXPECT_NE(help_for({"events", "--help"}).find("events forget"), std::string::npos);
}

TEST(CommandLine, HelpIsThereOfEveryCommand) {
  for (const char* name :
       {"serve", "migrate", "audit", "archive", "explain", "events", "insight", "token", "check", "verify-draw"}) {
    EXPECT_EQ(help_for({name, "--help"}).find(std::string("flashsaled ") + name), 0U) << name;
  }
  EXPECT_NE(help_for({"insight", "--help"}).find("takes no settings"), std::string::npos);
  EXPECT_EQ(help_for({"help"}), usage());
  EXPECT_EQ(help_for({"--help"}), usage());
  EXPECT_EQ(help_for({"help", "--help"}), usage());
  expect_refused({"help", "sell"}, "no command \"sell\"");
}

TEST(TokenCommand, PrintsATokenThatVerifies) {
  Settings settings;
  settings.jwt.secret = "0123456789abcdef0123456789abcdef";
  settings.jwt.issuer = "shop";
  settings.jwt.audience = "flash";
  std::ostringstream output;
  std::ostringstream error;
  ASSERT_EQ(run_token(settings, "alice", std::chrono::seconds(60), output, error), 0) << error.str();
  std::string token = output.str();
  ASSERT_TRUE(token.ends_with('\n'));
  token.pop_back();
  identity::TokenVerifier verifier(token_options(settings));
  const identity::VerifiedToken verified = verifier.verify(token, std::chrono::system_clock::now());
  EXPECT_EQ(verified.failure, identity::TokenFailure::none);
  EXPECT_EQ(verified.customer_id, "alice");
  const auto later = std::chrono::system_clock::now() + std::chrono::minutes(5);
  EXPECT_EQ(verifier.verify(token, later).failure, identity::TokenFailure::expired);
}

TEST(TokenCommand, NeedsASecretAndACustomer) {
  Settings settings;
  std::ostringstream output;
  std::ostringstream error;
  EXPECT_EQ(run_token(settings, "alice", std::chrono::seconds(60), output, error), 2);
  EXPECT_NE(error.str().find("FLASHSALE_JWT_SECRET"), std::string::npos);
  settings.jwt.secret = "0123456789abcdef0123456789abcdef";
  EXPECT_EQ(run_token(settings, "", std::chrono::seconds(60), output, error), 2);
  EXPECT_TRUE(output.str().empty());
}

}  // namespace
}  // namespace flashsale::app
