#include "state_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

namespace flashsale::app {
namespace {

constexpr std::size_t kStateBytesMax = std::size_t{256} * 1024 * 1024;

Error last_error() { return {errno, boost::system::system_category()}; }

class File {
 public:
  File(const char* path, int flags) : number_(::open(path, flags | O_CLOEXEC, 0600)) {}
  ~File() {
    if (number_ >= 0) ::close(number_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] bool is_open() const { return number_ >= 0; }
  [[nodiscard]] int number() const { return number_; }

 private:
  int number_;
};

Error write_whole(int file, std::string_view text) {
  while (!text.empty()) {
    const auto written = ::write(file, text.data(), text.size());
    if (written < 0 && errno != EINTR) return last_error();
    if (written > 0) text.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? Error{} : last_error();
}

}  // namespace

Error write_state_file(const std::string& path, std::string_view text) {
  const auto next = path + ".new";
  {
    const File file(next.c_str(), O_WRONLY | O_CREAT | O_TRUNC);
    if (!file.is_open()) return last_error();
    if (const auto error = write_whole(file.number(), text)) return error;
  }
  if (::rename(next.c_str(), path.c_str()) != 0) return last_error();
  const auto folder = std::filesystem::absolute(path).parent_path();
  const File directory(folder.c_str(), O_RDONLY | O_DIRECTORY);
  return directory.is_open() && ::fsync(directory.number()) == 0 ? Error{} : last_error();
}

Result<std::optional<std::string>> read_state_file(const std::string& path) {
  const File file(path.c_str(), O_RDONLY);
  if (!file.is_open()) {
    if (errno == ENOENT) return std::optional<std::string>();
    return last_error();
  }
  std::string text;
  std::array<char, 65'536> piece{};
  for (;;) {
    const auto count = ::read(file.number(), piece.data(), piece.size());
    if (count == 0) return std::optional(std::move(text));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return last_error();
    text.append(piece.data(), static_cast<std::size_t>(count));
    if (text.size() > kStateBytesMax) return Error{EFBIG, boost::system::system_category()};
  }
}

}  // namespace flashsale::app
