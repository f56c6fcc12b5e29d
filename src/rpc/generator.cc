// protoc plugin: writes one <file>.rpc.h for each .proto file with services, as described in src/rpc/method.h. It refuses, and so
// fails the build, when a method has no number, shares one with any other method of the protocol, or lacks a retry class or a
// deadline.
#include <google/protobuf/compiler/code_generator.h>
#include <google/protobuf/compiler/plugin.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/io/printer.h>
#include <google/protobuf/io/zero_copy_stream.h>

#include <cctype>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "forebay/v1/options.pb.h"
#include "rpc/payload.h"

namespace forebay::rpc {
namespace {

namespace pb = google::protobuf;

std::string snake_case(const std::string& name) {
  std::string out;
  for (char c : name) {
    if (std::isupper(static_cast<unsigned char>(c)) && !out.empty()) out += '_';
    out += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

std::string cpp_name(const pb::Descriptor* message) { return "::" + replace_all(message->full_name(), ".", "::"); }

const char* retry_name(v1::Retry retry) {
  switch (retry) {
    case v1::RETRY_READ: return "kRead";
    case v1::RETRY_SAME_ID: return "kSameId";
    case v1::RETRY_ABSOLUTE: return "kAbsolute";
    case v1::RETRY_NEVER: return "kNever";
    default: return nullptr;
  }
}

using Numbers = std::map<uint32_t, std::string>;  // taken so far, by which method

// What is wrong with a method; empty: nothing. Takes its number.
std::string problem(const pb::MethodDescriptor* method, Numbers& taken) {
  if (method->client_streaming() || method->server_streaming()) return "streams do not exist in this protocol";
  if (!method->options().HasExtension(v1::rpc)) return "option (rpc) is missing";
  const v1::MethodOptions& options = method->options().GetExtension(v1::rpc);
  if (options.number() == 0 || options.number() > UINT16_MAX) return "number must be 1 to 65535";
  if (retry_name(options.retry()) == nullptr) return "retry is missing";
  if (options.deadline_ms() == 0) return "deadline_ms is missing";
  if (options.max_payload() > kMaxPayload) return "max_payload is above 1 MiB";
  auto [at, free] = taken.emplace(options.number(), method->full_name());
  if (!free) return "number " + std::to_string(options.number()) + " is taken by " + at->second;
  return "";
}

void print_method(const pb::MethodDescriptor* method, pb::io::Printer& out) {
  const v1::MethodOptions& options = method->options().GetExtension(v1::rpc);
  out.Print({{"name", method->name()},
             {"request", cpp_name(method->input_type())},
             {"reply", cpp_name(method->output_type())},
             {"number", std::to_string(options.number())},
             {"snake", snake_case(method->name())},
             {"service", method->service()->name()},
             {"retry", retry_name(options.retry())},
             {"deadline", std::to_string(options.deadline_ms())},
             {"payload", std::to_string(options.max_payload())}},
            "struct $name$ {\n"
            "  using Request = $request$;\n"
            "  using Reply = $reply$;\n"
            "  static constexpr ::forebay::rpc::Method kMethod{\n"
            "      $number$, \"$snake$\", \"$service$\", ::forebay::rpc::Retry::$retry$, $deadline$, $payload$};\n"
            "};\n");
}

void print_service(const pb::ServiceDescriptor* service, pb::io::Printer& out) {
  std::string scope = "::" + replace_all(service->file()->package(), ".", "::") + "::" + snake_case(service->name());
  out.Print("namespace $scope$ {\n\n", "scope", scope.substr(2));
  for (int i = 0; i < service->method_count(); ++i) print_method(service->method(i), out);
  out.Print("inline constexpr std::array<::forebay::rpc::Method, $count$> kMethods{\n", "count",
            std::to_string(service->method_count()));
  for (int i = 0; i < service->method_count(); ++i) out.Print("    $name$::kMethod,\n", "name", service->method(i)->name());
  out.Print("};\n\n}  // namespace $scope$\n\n", "scope", scope.substr(2));
}

void print_file(const pb::FileDescriptor* file, pb::compiler::GeneratorContext* context) {
  std::string stem = file->name().substr(0, file->name().rfind(".proto"));
  std::unique_ptr<pb::io::ZeroCopyOutputStream> stream(context->Open(stem + ".rpc.h"));
  pb::io::Printer out(stream.get(), '$');
  out.Print(
      "// Generated from $file$.\n#pragma once\n\n#include <array>\n\n#include \"$stem$.pb.h\"\n#include \"rpc/method.h\"\n\n",
      "file", file->name(), "stem", stem);
  for (int i = 0; i < file->service_count(); ++i) print_service(file->service(i), out);
}

class Generator : public pb::compiler::CodeGenerator {
 public:
  uint64_t GetSupportedFeatures() const override { return FEATURE_PROTO3_OPTIONAL; }

  // All files at once, because numbers are unique across the protocol, not within a service.
  bool GenerateAll(const std::vector<const pb::FileDescriptor*>& files, const std::string&,
                   pb::compiler::GeneratorContext* context, std::string* error) const override {
    Numbers taken;
    for (const pb::FileDescriptor* file : files)
      for (int i = 0; i < file->service_count(); ++i)
        for (int j = 0; j < file->service(i)->method_count(); ++j)
          if (std::string what = problem(file->service(i)->method(j), taken); !what.empty())
            *error += file->service(i)->method(j)->full_name() + ": " + what + "\n";
    if (!error->empty()) return false;
    for (const pb::FileDescriptor* file : files)
      if (file->service_count() > 0) print_file(file, context);
    return true;
  }
  bool Generate(const pb::FileDescriptor* file, const std::string& parameter, pb::compiler::GeneratorContext* context,
                std::string* error) const override {
    return GenerateAll({file}, parameter, context, error);
  }
};

}  // namespace
}  // namespace forebay::rpc

int main(int argc, char** argv) {
  forebay::rpc::Generator generator;
  return google::protobuf::compiler::PluginMain(argc, argv, &generator);
}
